// The page: takes a picture from a file, the clipboard, a drawing or the camera, and shows the answer.
// The page sends nothing; its content security policy forbids any request.

let network;
let latest = 0;

function start() {
  const { Float32Array, createImageBitmap, ResizeObserver } = globalThis;
  for (const needed of [Float32Array, createImageBitmap, ResizeObserver]) {
    if (!needed) throw new Error("this browser is too old for this page");
  }
  const model = JSON.parse(by("model").textContent);
  const bytes = Uint8Array.from(atob(by("weights").textContent.trim()), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const weights = Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  network = new Network(model, weights);
  Object.assign(by("seen"), { width: model.preparation.width, height: model.preparation.height });
  showCard(model);
  listen();
  // The interface for tests and other scripts.
  globalThis.modiste = {
    model,
    probabilities: (pixels) => network.probabilities(pixels),
    prepare: async (file) => prepare(await decode(file), model.preparation),
  };
}

async function classify(read, background) {
  const turn = ++latest;
  by("error").textContent = "";
  try {
    const picture = await read();
    if (turn === latest) show(prepare(picture, network.model.preparation, background));
  } catch (error) {
    if (turn === latest) fail(error.message);
  }
}

function show({ pixels, note }) {
  const began = performance.now();
  const probabilities = network.probabilities(pixels);
  const milliseconds = performance.now() - began;
  paint(by("seen"), pixels, network.model.preparation);
  shown = { probabilities };
  by("note").textContent = [note, `${milliseconds.toFixed(0)} ms`].filter(Boolean).join(", ");
  answer();
}

let shown = null;

// Shows class and bars; called again when the rule for "none of these" changes.
function answer() {
  if (!shown) return;
  const { classes } = network.model;
  const order = shown.probabilities.map((p, i) => [p, i]).sort(([a, i], [b, j]) => b - a || i - j);
  const [[most, best]] = order;
  const rejected = most < Number(by("reject").value);
  by("answer").replaceChildren("Looks like", element("b", rejected ? "none of these" : classes[best]));
  const bars = order.map(([p, i]) => {
    const item = element("li");
    item.append(...bar(classes[i], p));
    return item;
  });
  by("bars").replaceChildren(...bars);
}

function fail(message) {
  clear();
  by("error").textContent = `Failed: ${message}`;
}

function clear() {
  shown = null;
  by("answer").textContent = "Nothing yet";
  by("note").textContent = "";
  by("bars").replaceChildren();
  by("seen").getContext("2d").clearRect(0, 0, by("seen").width, by("seen").height);
}

function takeFile(file) {
  choosePane("file");
  showPreview(file);
  classify(() => decode(file));
}

function choosePane(name) {
  showPane(["file", "draw", "camera"], name);
  if (name === "camera") startCamera();
  else stopCamera();
}

async function startCamera() {
  const video = by("video");
  by("error").textContent = "";
  if (!navigator.mediaDevices?.getUserMedia) {
    fail("no camera here; browsers allow it only on pages from https or from disk");
    return;
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    if (by("camera-pane").hidden) return stream.getTracks().forEach((track) => track.stop());
    video.srcObject = stream;
    await video.play();
    by("shoot").disabled = false;
  } catch (error) {
    const reasons = {
      NotAllowedError: "the camera was refused; allow it in the browser's settings for this page, or choose a file",
      NotFoundError: "there is no camera; choose a file or draw",
      NotReadableError: "the camera is in use by another program",
    };
    fail(reasons[error.name] ?? `the camera does not start (${error.message})`);
  }
}

function stopCamera() {
  const video = by("video");
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  by("shoot").disabled = true;
}

function shoot() {
  const video = by("video");
  if (video.videoWidth) classify(() => fromDrawable(video, video.videoWidth, video.videoHeight));
}

function listen() {
  for (const name of ["file", "draw", "camera"]) by(`tab-${name}`).onclick = () => choosePane(name);
  receiveFiles(takeFile, fail);
  by("shoot").onclick = shoot;
  by("reject").onchange = answer;
  const canvas = by("canvas");
  drawing(canvas, by("pen"), by("clear"), (empty) => {
    ++latest;
    by("error").textContent = "";
    if (empty) clear();
    else classify(async () => fromDrawable(canvas, canvas.width, canvas.height), "dark");
  });
}

// The model's card.
function showCard({ card, preparation, classes }) {
  document.title = `${card.name} - modiste`;
  by("name").textContent = card.name;
  const { height, width, channels } = preparation;
  const size = `${height} x ${width} ${channels === 1 ? "grey" : "colour"} images`;
  by("about").textContent =
    `${grouped(card.parameters)} parameters, ${size}, trained on ${card.data} (split ${card.split}), best epoch ${card.epoch}`;
  by("figures").replaceChildren(...card.figures.map(figure));
  by("classes").textContent = classes.join(", ");
  by("reject").append(...card.rules.map(({ target, threshold, coverage }) => {
    const text = `if fewer than ${percent(target)} of such answers are right (under ${percent(threshold)}; ${percent(coverage)} answered)`;
    return Object.assign(element("option", text), { value: threshold });
  }));
  by("reject").append(...[0.5, 0.7, 0.9].map((value) => {
    return Object.assign(element("option", `if the probability is under ${percent(value)}`), { value });
  }));
  by("foot").textContent = `modiste ${card.modiste}, model ${card.checksum}; everything is computed on this device`;
}

try {
  start();
} catch (error) {
  by("about").textContent = `This page does not work here: ${error.message}.`;
}

// The page: sends a picture to the server and shows the answer. It loads nothing from other servers, and
// paths are relative, because the server may be below any path of a proxy.
import { bar, by, element, grouped, paint, receiveFiles, showPane, showPreview } from "./parts.js";
import { showCard } from "./card.js";
import { drawing } from "./draw.js";

// Formats that the server decodes; the browser converts others to PNG.
const TAKEN = ["image/png", "image/jpeg", "image/webp", "image/bmp"];
// Longest side of a picture that is shrunk because the original is too large to send.
const SHRUNK_SIDE = 1600;
let token = "";
let model = null;
let latest = 0;
let shown = null;

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Error("the server does not answer");
  }
  if (response.status === 401) by("token").hidden = false;
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw Object.assign(new Error(body.error ?? `the server answers ${response.status}`), { status: response.status });
  }
  return body;
}

// The picture in a form that the server accepts: unchanged if possible, otherwise converted and shrunk.
async function prepare(file) {
  const { body_bytes: bytes, pixels } = model.limits;
  const known = TAKEN.includes(file.type);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return file; // The server will say what is wrong with it.
  }
  if (known && file.size <= bytes && bitmap.width * bitmap.height <= pixels) return file;
  const scale = Math.min(1, SHRUNK_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = element("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return toBlob(canvas);
}

async function classify(file, background) {
  const turn = ++latest;
  by("error").textContent = "";
  try {
    if (!model) await start();
    const picture = await prepare(file);
    const headers = { "Content-Type": TAKEN.includes(picture.type) ? picture.type : "application/octet-stream" };
    const query = new URLSearchParams({ pixels: true });
    if (background) query.set("background", background);
    const { predictions } = await ask(`v1/predict?${query}`, { method: "POST", headers, body: picture });
    if (turn !== latest) return;
    show(predictions[0], { picture, headers, background });
    await explain(predictions[0].classes[0].class);
  } catch (error) {
    if (turn === latest) fail(error);
  }
}

// Shows the heat map of one class over the picture.
async function explain(name) {
  const { source } = shown;
  const query = new URLSearchParams({ class: name });
  if (source.background) query.set("background", source.background);
  const { class: explained, heat } = await ask(`v1/explain?${query}`, { method: "POST", headers: source.headers, body: source.picture });
  if (shown?.source !== source) return;
  glow(by("heat"), heat);
  by("heat-class").textContent = explained;
  by("heat-switch").hidden = false;
  for (const button of by("bars").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.class === explained));
  }
}

function fail(error) {
  clear();
  by("error").textContent = `Failed: ${error.message}`;
}

function clear() {
  shown = null;
  by("answer").textContent = "Nothing yet";
  by("note").textContent = "";
  by("bars").replaceChildren();
  by("heat-switch").hidden = true;
  for (const id of ["seen", "heat"]) {
    const canvas = by(id);
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  }
}

function show(prediction, source) {
  shown = { prediction, source };
  by("heat").getContext("2d").clearRect(0, 0, model.image.width, model.image.height);
  paint(by("seen"), prediction.pixels, model.image);
  const answer = by("answer");
  answer.textContent = "Looks like";
  answer.append(element("b", prediction.class ?? "none of these"));
  by("note").textContent = prediction.note;
  const bars = prediction.classes.map(({ class: name, probability }) => {
    const button = element("button");
    button.type = "button";
    button.dataset.class = name;
    button.title = `Show the evidence for ${name}`;
    button.onclick = () => explain(name).catch((error) => (by("error").textContent = `Failed: ${error.message}`));
    button.append(...bar(name, probability));
    const item = element("li");
    item.append(button);
    return item;
  });
  by("bars").replaceChildren(...bars);
}

const toBlob = (canvas) =>
  new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("the picture is too large"))), "image/png"));

// Draws a heat map, from transparent through red to yellow.
function glow(canvas, { height, width, values }) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  values.forEach((value, i) => image.data.set([255, Math.round(40 + 190 * value * value), 30, Math.round(215 * value ** 0.8)], 4 * i));
  context.putImageData(image, 0, 0);
}

function takeFile(file) {
  choosePane("file");
  showPreview(file);
  classify(file);
}

const choosePane = (name) => showPane(["file", "draw"], name);

function listen() {
  by("tab-file").onclick = () => choosePane("file");
  by("tab-draw").onclick = () => choosePane("draw");
  receiveFiles(takeFile, (message) => fail(new Error(message)));
  by("heat-on").onchange = (event) => (by("heat").hidden = !event.target.checked);
  by("token").onsubmit = (event) => {
    event.preventDefault();
    token = by("token-text").value.trim();
    by("token").hidden = true;
    by("error").textContent = "";
    start().catch(fail);
  };
  const canvas = by("canvas");
  drawing(canvas, by("pen"), by("clear"), (empty) => {
    const turn = ++latest; // Answers that are still on their way belong to an older drawing.
    if (empty) clear();
    else toBlob(canvas).then((picture) => turn === latest && classify(picture, "dark"));
  });
}

async function start() {
  model = await ask("v1/model");
  const { name, origin, parameters, image } = model;
  document.title = `${name} - modiste`;
  by("name").textContent = name;
  const size = `${image.height} x ${image.width} ${image.channels === 1 ? "grey" : "colour"} images`;
  by("about").textContent =
    `${grouped(parameters)} parameters, ${size}, trained on ${origin.data} (split ${origin.split}), best epoch ${origin.epoch}`;
  by("foot").textContent = `modiste ${origin.modiste}, model ${model.version}, ${model.engine}`;
  for (const id of ["seen", "heat"]) Object.assign(by(id), { width: image.width, height: image.height });
  const ready = await ask("ready").catch(() => ({}));
  by("stale").hidden = !ready.problem;
  by("stale").textContent = ready.problem ? `This model is out of date: ${ready.problem}.` : "";
  awaitCard();
}

// The evaluation starts with the server; the card says so until it is done.
async function awaitCard() {
  try {
    showCard(await ask("v1/evaluation"), model, (canvas) => {
      toBlob(canvas).then((picture) => {
        takeFile(picture);
        by("input").scrollIntoView({ block: "start" });
      });
    });
    by("card-state").hidden = true;
    by("card-body").hidden = false;
  } catch (error) {
    if (error.status === 503) setTimeout(awaitCard, 1000);
    else by("card-state").textContent = `No figures: ${error.message}.`;
  }
}

listen();
start().catch((error) => (by("about").textContent = `No model: ${error.message}`));

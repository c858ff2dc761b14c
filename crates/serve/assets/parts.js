// Helpers of the server's page and of exported pages.

export const by = (id) => document.getElementById(id);
export const percent = (part) => `${(100 * part).toFixed(1)} %`;
export const grouped = (number) => number.toLocaleString("en");

export function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  if (text !== "") made.textContent = text;
  if (className) made.className = className;
  return made;
}

// Draws pixels (h, w, c) on a canvas of the same size.
export function paint(canvas, pixels, { height, width, channels }) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[channels * i + (channels === 3 ? c : 0)];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// Name, bar and number of a probability.
export function bar(name, probability) {
  const track = element("span", "", "track");
  const fill = element("span", "", "fill");
  fill.style.width = `${100 * probability}%`;
  track.append(fill);
  return [element("span", name), track, element("span", percent(probability), "value")];
}

// A figure of the model's card.
export function figure([name, value, note]) {
  const number = element("dd", value);
  number.append(element("small", note));
  const pair = element("div");
  pair.append(element("dt", name), number);
  return pair;
}

export function showPreview(file) {
  const preview = by("preview");
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(file);
  preview.onload = () => preview.classList.toggle("tiny", preview.naturalWidth < 64);
  preview.onerror = () => (preview.hidden = true);
  preview.hidden = false;
}

// Shows one of several panes.
export function showPane(panes, name) {
  for (const other of panes) {
    by(`${other}-pane`).hidden = other !== name;
    by(`tab-${other}`).setAttribute("aria-pressed", String(other === name));
  }
}

// Passes files that are chosen, dropped or pasted to `take`, and messages about anything else to `fail`.
export function receiveFiles(take, fail) {
  by("file").onchange = (event) => {
    const [file] = event.target.files;
    event.target.value = ""; // The same file may be chosen again.
    if (file) take(file);
  };
  const drop = by("drop");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) take(file);
    else fail("that is not a file; save the picture first, then drop the file here");
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    if (file) take(file);
    else if (event.target.type !== "password") fail("the clipboard contains no picture");
  });
}

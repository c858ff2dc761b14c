// Helpers that the page's other files share.

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

export const toBlob = (canvas) =>
  new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("the picture is too large"))), "image/png"));

// Draws a heat map, from transparent by way of red to yellow.
export function glow(canvas, { height, width, values }) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  values.forEach((value, i) => image.data.set([255, Math.round(40 + 190 * value * value), 30, Math.round(215 * value ** 0.8)], 4 * i));
  context.putImageData(image, 0, 0);
}

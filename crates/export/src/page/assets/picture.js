// Prepares pictures for the network like the training images, with the same pixels as `modiste predict`.

// Values that differ from the background by at most this belong to it.
const TOLERANCE = 13;
const MAX_TOLERANCE = 48;
// Share of the border that must be black or white to compare these two.
const PLAIN = 0.2;
// A transparent picture whose visible part is brighter than this gets a black background.
const WHITE = 224;
// Pictures with fewer rows or columns are refused, unless they have the network's own size.
const MIN_SIDE = 8;

// The luma of ITU-R BT.601.
const brightness = (r, g, b) => (19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16;

// Rust's f64::round: halves away from zero, for numbers that are not negative.
const round = (value) => {
  const whole = Math.floor(value);
  return value - whole >= 0.5 ? whole + 1 : whole;
};

// `picture` is { width, height, rgba }; the result has the pixels (h, w, c) and a note on the steps.
// `background` is "auto" or, for drawings, "dark".
function prepare(picture, preparation, background = "auto") {
  const { height, width, channels, fit, ground, garments } = preparation;
  const how = garments ? background : "keep";
  const [plane, backed] = planeOf(picture, channels === 3, ground, how === "dark");
  const own = plane.height === height && plane.width === width;
  if (Math.min(plane.height, plane.width) < MIN_SIDE && !own) {
    throw new Error(`the picture is ${plane.height} x ${plane.width} pixels, too small to show anything`);
  }
  const said = own ? [] : [`${plane.height} x ${plane.width} photograph`];
  if (backed) said.push(backed);
  if (own) {
    if (channels === 1 && how === "auto" && isBright(borderOf(plane))) {
      invert(plane);
      said.push("bright background inverted");
    }
    return { pixels: plane.pixels, note: said.join(", ") };
  }
  if (channels === 3 || how === "keep") {
    const whole = { top: 0, left: 0, height: plane.height, width: plane.width };
    const pixels = fitted(plane, whole, preparation, fit, borderOf(plane).colour);
    return { pixels, note: said.join(", ") };
  }
  return onBlack(plane, preparation, how, said);
}

// The object of a grey picture, bright on black, trimmed and centred.
function onBlack(plane, preparation, background, said) {
  const border = borderOf(plane);
  const bright = background !== "dark" && isBright(border);
  if (bright) {
    invert(plane);
    border.colour = border.colour.map((value) => 255 - value);
  }
  said.push(bright ? "bright background inverted" : "dark background");
  if (border.even < 0.7) said.push("background uneven");
  const span = contentOf(plane, border);
  if (!span) throw new Error("the picture shows nothing that differs from its background");
  if (span.height !== plane.height || span.width !== plane.width) said.push(`cropped to ${span.height} x ${span.width}`);
  darken(plane, border.colour[0]);
  return { pixels: fitted(plane, span, preparation, "pad", [0]), note: said.join(", ") };
}

// Opaque pixels of one or three channels, and a note on transparency.
function planeOf({ width, height, rgba, alpha }, coloured, ground, dark) {
  const black = ground === "black" || (ground === "auto" && alpha && (dark || visibleMean(rgba) >= WHITE));
  const behind = alpha && black ? 0 : 255;
  const over = (value, opacity) => {
    return opacity === 255 ? value : Math.floor((value * opacity + behind * (255 - opacity) + 127) / 255);
  };
  const channels = coloured ? 3 : 1;
  const pixels = new Uint8Array(width * height * channels);
  for (let i = 0, at = 0; i < rgba.length; i += 4) {
    const opacity = alpha ? rgba[i + 3] : 255;
    if (coloured) for (let c = 0; c < 3; c++) pixels[at++] = over(rgba[i + c], opacity);
    else pixels[at++] = over(brightness(rgba[i], rgba[i + 1], rgba[i + 2]), opacity);
  }
  const backed = alpha ? `transparency on ${black ? "black" : "white"}` : "";
  return [{ height, width, channels, pixels }, backed];
}

// Mean brightness, each pixel weighted by its opacity.
function visibleMean(rgba) {
  let [sum, weight] = [0, 0];
  for (let i = 0; i < rgba.length; i += 4) {
    sum += brightness(rgba[i], rgba[i + 1], rgba[i + 2]) * rgba[i + 3];
    weight += rgba[i + 3];
  }
  return weight ? Math.floor(sum / weight) : 0;
}

function invert(plane) {
  const { pixels } = plane;
  for (let i = 0; i < pixels.length; i++) pixels[i] = 255 - pixels[i];
}

// Stretches the values so that `black` and lower values become 0 and 255 stays 255.
function darken({ pixels }, black) {
  const span = Math.max(255 - black, 1);
  const table = Uint8Array.from({ length: 256 }, (_, value) => {
    return round(Math.fround(Math.fround(Math.max(value - black, 0) * 255) / span));
  });
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[pixels[i]];
}

// Statistics of the strip along the edges, which give the background.
function borderOf(plane) {
  const counts = Array.from({ length: plane.channels }, (_, channel) => histogram(plane, channel));
  const colour = counts.map(median);
  const [first] = counts;
  const distances = new Array(256).fill(0);
  first.forEach((count, value) => (distances[Math.abs(value - colour[0])] += count));
  const tolerance = Math.min(Math.max(Math.min(median(distances) * 4, 255), TOLERANCE), MAX_TOLERANCE);
  const sum = (some) => some.reduce((all, count) => all + count, 0);
  const all = sum(first);
  return {
    colour,
    tolerance,
    even: sum(distances.slice(0, tolerance + 1)) / all,
    plain: [sum(first.slice(0, TOLERANCE + 1)) / all, sum(first.slice(255 - TOLERANCE)) / all],
  };
}

function isBright({ plain: [black, white], colour }) {
  return black + white >= PLAIN ? white > black : colour[0] >= 128;
}

function histogram({ height, width, channels, pixels }, channel) {
  const strip = Math.max(Math.floor(Math.min(height, width) / 50), 1);
  const counts = new Array(256).fill(0);
  for (let y = 0; y < height; y++) {
    const inside = y >= strip && y + strip < height;
    for (let x = 0; x < width; x++) {
      if (!(inside && x >= strip && x + strip < width)) counts[pixels[(y * width + x) * channels + channel]]++;
    }
  }
  return counts;
}

// The lower median.
function median(counts) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (let value = 0; value < 256; value++) {
    seen += counts[value];
    if (2 * seen >= all) return value;
  }
  return 255;
}

// The rectangle around everything that differs from the background, without single specks.
function contentOf({ height, width, pixels }, { colour, tolerance }) {
  const [rows, columns] = [new Array(height).fill(0), new Array(width).fill(0)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (Math.abs(pixels[y * width + x] - colour[0]) > tolerance) {
        rows[y]++;
        columns[x]++;
      }
    }
  }
  const down = stretch(rows, width);
  const across = stretch(columns, height);
  return down && across && { top: down[0], height: down[1], left: across[0], width: across[1] };
}

function stretch(lines, length) {
  const specks = Math.floor(length / 200);
  const first = lines.findIndex((count) => count > specks);
  const last = lines.findLastIndex((count) => count > specks);
  return first < 0 ? null : [first, last + 1 - first];
}

// Fits the rectangle `span` into an image of the network's shape; the rest gets the colour `around`.
function fitted(plane, span, shape, how, around) {
  if (how === "crop") span = middle(span, shape);
  const clamp = (value, most) => Math.min(Math.max(value, 1), most);
  let { height, width } = shape;
  if (how === "pad") {
    const scale = Math.min(shape.height / span.height, shape.width / span.width);
    height = clamp(round(span.height * scale), shape.height);
    width = clamp(round(span.width * scale), shape.width);
  }
  const top = Math.ceil((shape.height - height) / 2);
  const left = Math.ceil((shape.width - width) / 2);
  const rows = areas(span.top, span.height, height);
  const columns = areas(span.left, span.width, width);
  const { channels } = plane;
  const pixels = new Uint8Array(shape.height * shape.width * channels);
  for (let i = 0; i < pixels.length; i++) pixels[i] = around[i % channels];
  rows.forEach((row, y) => {
    columns.forEach((column, x) => {
      const to = ((top + y) * shape.width + left + x) * channels;
      for (let c = 0; c < channels; c++) pixels[to + c] = mean(plane, row, column, c);
    });
  });
  return pixels;
}

// The largest rectangle in the middle of `span` that has the aspect ratio of `shape`.
function middle(span, shape) {
  const scale = Math.min(span.height / shape.height, span.width / shape.width);
  const side = (of, most) => Math.min(Math.max(round(of * scale), 1), most);
  const height = side(shape.height, span.height);
  const width = side(shape.width, span.width);
  return {
    top: span.top + Math.floor((span.height - height) / 2),
    left: span.left + Math.floor((span.width - width) / 2),
    height,
    width,
  };
}

// Divides `length` lines from `start` evenly among `parts`: the first line of each part, and the covered share
// of every line.
function areas(start, length, parts) {
  const step = length / parts;
  return Array.from({ length: parts }, (_, part) => {
    const [from, to] = [part * step, (part + 1) * step];
    const first = Math.floor(from);
    const end = Math.min(Math.max(Math.ceil(to), first + 1), length);
    const weights = [];
    for (let line = first; line < end; line++) {
      weights.push(Math.max(Math.min(to, line + 1) - Math.max(from, line), 0));
    }
    return { first: start + first, weights, all: weights.reduce((sum, weight) => sum + weight, 0) };
  });
}

// The weighted mean of one channel over a rectangle.
function mean({ width, channels, pixels }, rows, columns, channel) {
  let [sum, weight] = [0, 0];
  rows.weights.forEach((row, y) => {
    let line = 0;
    columns.weights.forEach((column, x) => {
      line += column * pixels[((rows.first + y) * width + columns.first + x) * channels + channel];
    });
    sum += row * line;
    weight += row;
  });
  return round(sum / weight / columns.all);
}

// Decodes files to pixels: { width, height, rgba, alpha }.

// Pictures with more pixels are refused, because the browser may not have the memory.
const MAX_PIXELS = 51e6;

async function decode(file) {
  const picture = (await decodePng(file)) ?? (await decodeJpegFile(file));
  if (picture) return picture;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    throw new Error("this browser cannot read the file as a picture");
  }
  return fromDrawable(bitmap, bitmap.width, bitmap.height);
}

// Decodes a JPEG file, because browsers differ by a few levels; null for anything else.
async function decodeJpegFile(file) {
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  return head[0] === 0xff && head[1] === 0xd8 ? decodeJpeg(new Uint8Array(await file.arrayBuffer())) : null;
}

// The pixels of anything that a canvas can draw.
function fromDrawable(source, width, height) {
  checkSize(width, height);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser gives no canvas of that size");
  context.drawImage(source, 0, 0);
  const rgba = context.getImageData(0, 0, width, height).data;
  return { width, height, rgba, alpha: hasAlpha(rgba) };
}

function hasAlpha(rgba) {
  for (let i = 3; i < rgba.length; i += 4) if (rgba[i] < 255) return true;
  return false;
}

function checkSize(width, height) {
  if (width * height > MAX_PIXELS) {
    throw new Error(`the picture has ${Math.round((width * height) / 1e6)} million pixels; at most ${MAX_PIXELS / 1e6} are read`);
  }
}

// Decodes a PNG file of up to 8 bits per channel, because a canvas would change the colours of
// transparent pixels; null for anything else.
async function decodePng(file) {
  const head = new Uint8Array(await file.slice(0, 33).arrayBuffer());
  const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
  if (!SIGNATURE.every((byte, i) => head[i] === byte) || typeof DecompressionStream === "undefined") return null;
  const bytes = new Uint8Array(await file.arrayBuffer());
  const view = new DataView(bytes.buffer);
  if (bytes.length < 33) return null;
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, kind, , , interlaced] = bytes.subarray(24, 29);
  if (depth > 8 || interlaced || !width || !height) return null;
  checkSize(width, height);
  const chunks = pngChunks(bytes, view);
  if (!chunks || chunks.eXIf) return null;
  const samples = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[kind];
  if (!samples || !chunks.IDAT) return null;
  const line = Math.ceil((width * samples * depth) / 8);
  let data;
  try {
    const stream = new Blob(chunks.IDAT).stream().pipeThrough(new DecompressionStream("deflate"));
    data = new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    return null;
  }
  if (data.length < (line + 1) * height) return null;
  unfilter(data, line, height, Math.max(1, (samples * depth) >> 3));
  return pngPixels(data, { width, height, depth, kind, samples, line }, chunks);
}

function pngChunks(bytes, view) {
  const chunks = {};
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) return null;
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (name === "IDAT") (chunks.IDAT ??= []).push(data);
    else chunks[name] = data;
    at += 12 + length;
  }
  return chunks;
}

// Reverses the filters in place; each line begins with the number of its filter.
function unfilter(data, line, height, step) {
  for (let y = 0; y < height; y++) {
    const from = y * (line + 1) + 1;
    const filter = data[from - 1];
    for (let x = 0; x < line; x++) {
      const at = from + x;
      const left = x >= step ? data[at - step] : 0;
      const up = y > 0 ? data[at - line - 1] : 0;
      const corner = x >= step && y > 0 ? data[at - line - 1 - step] : 0;
      data[at] += [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0;
    }
  }
}

function paeth(left, up, corner) {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

function pngPixels(data, { width, height, depth, kind, samples, line }, { PLTE: palette, tRNS: clear }) {
  const rgba = new Uint8ClampedArray(4 * width * height);
  const largest = 2 ** depth - 1;
  const key = clear && kind !== 3 ? Array.from({ length: samples }, (_, i) => 256 * clear[2 * i] + clear[2 * i + 1]) : null;
  const raw = new Array(samples);
  for (let y = 0, to = 0; y < height; y++) {
    const from = y * (line + 1) + 1;
    for (let x = 0; x < width; x++, to += 4) {
      for (let i = 0; i < samples; i++) {
        const bit = (x * samples + i) * depth;
        raw[i] = (data[from + (bit >> 3)] >> (8 - depth - (bit & 7))) & largest;
      }
      if (kind === 3) {
        for (let c = 0; c < 3; c++) rgba[to + c] = palette?.[3 * raw[0] + c] ?? 0;
        rgba[to + 3] = clear?.[raw[0]] ?? 255;
        continue;
      }
      const grey = samples < 3;
      for (let c = 0; c < 3; c++) rgba[to + c] = (raw[grey ? 0 : c] * 255) / largest;
      const opacity = kind === 4 ? raw[1] : kind === 6 ? raw[3] : 255;
      rgba[to + 3] = key?.every((value, i) => value === raw[i]) ? 0 : opacity;
    }
  }
  return { width, height, rgba, alpha: hasAlpha(rgba) };
}

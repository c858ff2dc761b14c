// A JPEG decoder with the same bits as the decoder of `modiste predict` (zune-jpeg), because decoders differ by a few
// levels: the inverse transform in whole numbers of stb_image, colours enlarged with weights of 3 and 1, and BT.601 in
// 14 bits. The browser decodes rare files (four channels, other samplings, arithmetic coding, 12 bits).

const ZIGZAG = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];
const DAMAGED = "the file is a damaged JPEG picture";

// The picture { width, height, rgba, alpha } in a JPEG file; null for files that the browser must decode.
function decodeJpeg(bytes) {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  const state = { tables: {}, quantisation: {}, restart: 0, frame: null, orientation: 1 };
  for (let at = 2; ; ) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (at + 4 > bytes.length) throw new Error(DAMAGED);
    const [sign, marker] = [bytes[at], bytes[at + 1]];
    if (sign !== 0xff) throw new Error(DAMAGED);
    if (marker === 0xd9) break;
    const end = at + 2 + bytes[at + 2] * 256 + bytes[at + 3];
    if (end > bytes.length) throw new Error(DAMAGED);
    const segment = bytes.subarray(at + 4, end);
    if (!readSegment(state, marker, segment)) return null;
    at = marker === 0xda ? decodeScan(state, segment, bytes, end) : end;
    if (at === null) return null;
    if (at + 2 >= bytes.length || (bytes[at] === 0xff && bytes[at + 1] === 0xd9)) break;
  }
  if (!state.frame?.scans) throw new Error(DAMAGED);
  return turned(jpegPixels(state.frame), state.orientation);
}

// Reads a segment before the pixels; false for kinds that the browser must decode.
function readSegment(state, marker, data) {
  if (marker === 0xc4) return readHuffman(state.tables, data);
  if (marker === 0xdb) return readQuantisation(state.quantisation, data);
  if (marker === 0xdd) state.restart = data[0] * 256 + data[1];
  if (marker === 0xe1) state.orientation = orientationOf(data) ?? state.orientation;
  // Adobe's marker may declare other colours than YCbCr.
  if (marker === 0xee && String.fromCharCode(...data.subarray(0, 5)) === "Adobe" && data[11] !== 1) return false;
  if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc) {
    if (marker > 0xc2 || state.frame) return false;
    state.frame = readFrame(data, marker === 0xc2);
    return state.frame !== null;
  }
  return marker !== 0xc8 && marker !== 0xcc && marker !== 0xdc;
}

// Each table, indexed by 16 bits that begin with a code: the symbol plus 256 times the length of the code.
function readHuffman(tables, data) {
  for (let at = 0; at + 17 <= data.length; ) {
    const counts = data.subarray(at + 1, at + 17);
    const table = new Uint16Array(65536);
    let [code, symbol] = [0, at + 17];
    for (let length = 1; length <= 16; length++) {
      const span = 1 << (16 - length);
      for (let i = 0; i < counts[length - 1]; i++, code += span) {
        if (code + span > 65536) return false;
        table.fill(length * 256 + data[symbol++], code, code + span);
      }
    }
    tables[data[at]] = table;
    at = symbol;
  }
  return true;
}

function readQuantisation(tables, data) {
  for (let at = 0; at < data.length; ) {
    const [wide, name] = [data[at] >> 4, data[at] & 15];
    const value = (i) => (wide ? data[at + 1 + 2 * i] * 256 + data[at + 2 + 2 * i] : data[at + 1 + i]);
    const table = new Int32Array(64);
    ZIGZAG.forEach((place, i) => (table[place] = value(i)));
    tables[name] = table;
    at += wide ? 129 : 65;
  }
  return true;
}

function readFrame(data, progressive) {
  const [height, width, count] = [data[1] * 256 + data[2], data[3] * 256 + data[4], data[5]];
  if (data[0] !== 8 || !height || !width || (count !== 1 && count !== 3)) return null;
  checkSize(width, height);
  const parts = Array.from({ length: count }, (_, i) => {
    const [id, sampling, quantisation] = data.subarray(6 + 3 * i, 9 + 3 * i);
    return { id, across: sampling >> 4, down: sampling & 15, quantisation, before: 0 };
  });
  // A single component has no other sampling than its own.
  if (count === 1) Object.assign(parts[0], { across: 1, down: 1 });
  const [{ across, down }] = parts;
  const usual = across >= 1 && across <= 2 && down >= 1 && down <= 2 && parts.slice(1).every((p) => p.across === 1 && p.down === 1);
  if (!usual || parts.map((p) => String.fromCharCode(p.id)).join("") === "RGB") return null;
  const [columns, rows] = [Math.ceil(width / (8 * across)), Math.ceil(height / (8 * down))];
  for (const part of parts) {
    // Number of blocks including those that pad the last groups, and number of blocks in a scan of only this component.
    part.columns = columns * part.across;
    part.rows = rows * part.down;
    part.own = [Math.ceil((width * part.across) / (8 * across)), Math.ceil((height * part.down) / (8 * down))];
    part.values = new Int16Array(64 * part.columns * part.rows);
  }
  return { width, height, progressive, parts, columns, rows, across, down, scans: 0 };
}

// Exif's orientation of the picture.
function orientationOf(data) {
  if (String.fromCharCode(...data.subarray(0, 6)) !== "Exif\0\0") return null;
  const view = new DataView(data.buffer, data.byteOffset + 6, data.length - 6);
  try {
    const little = view.getUint16(0) === 0x4949;
    const first = view.getUint32(4, little);
    for (let i = 0; i < view.getUint16(first, little); i++) {
      const entry = first + 2 + 12 * i;
      if (view.getUint16(entry, little) !== 0x0112) continue;
      const number = view.getUint16(entry + 8, little);
      return number >= 1 && number <= 8 ? number : 1;
    }
  } catch {
    // A truncated directory is ignored.
  }
  return null;
}

// The bits of a scan up to the next marker, followed by zeros.
class Bits {
  constructor(bytes, at) {
    Object.assign(this, { bytes, at, held: 0, count: 0, lacking: 0 });
  }

  fill() {
    while (this.count <= 16) {
      let byte = this.bytes[this.at];
      if (byte === undefined || (byte === 0xff && this.bytes[this.at + 1] !== 0)) {
        byte = 0;
        this.lacking += 8;
      } else this.at += byte === 0xff ? 2 : 1;
      this.held = (this.held << 8) | byte;
      this.count += 8;
    }
  }

  read(length) {
    if (length === 0) return 0;
    if (this.count < length) this.fill();
    this.count -= length;
    return (this.held >>> this.count) & ((1 << length) - 1);
  }

  symbol(table) {
    if (this.count < 16) this.fill();
    const found = table[(this.held >>> (this.count - 16)) & 0xffff];
    if (found === 0) throw new Error(DAMAGED);
    this.count -= found >> 8;
    return found & 255;
  }

  // A number with this many bits; those that begin with 0 are negative.
  signed(length) {
    const value = this.read(length);
    return length > 0 && value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
  }

  // Ends the bits before a marker.
  end() {
    if (this.lacking > this.count) throw new Error(DAMAGED);
    Object.assign(this, { held: 0, count: 0, lacking: 0 });
  }

  // Continues after a restart marker.
  restart() {
    this.end();
    const marker = this.bytes[this.at + 1];
    if (this.bytes[this.at] !== 0xff || !(marker >= 0xd0 && marker <= 0xd7)) throw new Error(DAMAGED);
    this.at += 2;
  }
}

// Reads the values of a scan; returns the position of the next marker, or null if the browser must decode the file.
function decodeScan({ tables, quantisation, restart, frame }, header, bytes, start) {
  if (!frame) throw new Error(DAMAGED);
  const count = header[0];
  const parts = Array.from({ length: count }, (_, i) => {
    const [id, names] = header.subarray(1 + 2 * i, 3 + 2 * i);
    const part = frame.parts.find((part) => part.id === id);
    if (part) Object.assign(part, { dc: tables[names >> 4], ac: tables[16 + (names & 15)] });
    return part;
  });
  const [from, to, precision] = header.subarray(1 + 2 * count);
  const all = { from: 0, to: 63, high: 0, low: 0 };
  const scan = { ...(frame.progressive ? { from, to, high: precision >> 4, low: precision & 15 } : all), run: 0 };
  const lacks = (part) => !part || (!part.dc && scan.from === 0 && scan.high === 0) || (!part.ac && scan.to > 0);
  if (!parts.length || parts.some(lacks) || scan.to > 63) return null;
  const bits = new Bits(bytes, start);
  const read = frame.progressive ? (from === 0 ? readDirect : scan.high ? refine : readFirst) : readWhole;
  const alone = count === 1;
  const [columns, rows] = alone ? parts[0].own : [frame.columns, frame.rows];
  for (const part of parts) part.before = 0;
  for (let unit = 0; unit < columns * rows; unit++) {
    if (restart && unit && unit % restart === 0) {
      bits.restart();
      scan.run = 0;
      for (const part of parts) part.before = 0;
    }
    const [row, column] = [Math.floor(unit / columns), unit % columns];
    for (const part of parts) {
      const [down, across] = alone ? [1, 1] : [part.down, part.across];
      for (let y = 0; y < down; y++) {
        for (let x = 0; x < across; x++) {
          read(bits, part, 64 * ((row * down + y) * part.columns + column * across + x), scan);
        }
      }
    }
  }
  bits.end();
  // A component keeps the quantisation table that was valid when it was read.
  for (const part of parts) part.factors ??= quantisation[part.quantisation];
  if (parts.some((part) => !part.factors)) return null;
  frame.scans++;
  return nextMarker(bytes, bits.at);
}

function nextMarker(bytes, at) {
  while (at + 1 < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff)) at++;
  return at;
}

// A block of a baseline picture.
function readWhole(bits, part, at) {
  const { values } = part;
  part.before += bits.signed(bits.symbol(part.dc));
  values[at] = part.before;
  for (let k = 1; k < 64; k++) {
    const symbol = bits.symbol(part.ac);
    const length = symbol & 15;
    if (length === 0) {
      if (symbol !== 0xf0) return;
      k += 15;
      continue;
    }
    k += symbol >> 4;
    if (k > 63) throw new Error(DAMAGED);
    values[at + ZIGZAG[k]] = bits.signed(length);
  }
}

// The mean of a block in a progressive picture: its upper bits, or one more bit.
function readDirect(bits, part, at, { high, low }) {
  if (high) {
    if (bits.read(1)) part.values[at] |= 1 << low;
    return;
  }
  part.before += bits.signed(bits.symbol(part.dc));
  part.values[at] = part.before << low;
}

// The upper bits of the other values.
function readFirst(bits, part, at, scan) {
  if (scan.run > 0) {
    scan.run--;
    return;
  }
  for (let k = scan.from; k <= scan.to; k++) {
    const symbol = bits.symbol(part.ac);
    const [zeros, length] = [symbol >> 4, symbol & 15];
    if (length === 0 && zeros < 15) {
      scan.run = (1 << zeros) - 1 + bits.read(zeros);
      return;
    }
    k += zeros;
    if (length === 0) continue;
    if (k > 63) throw new Error(DAMAGED);
    part.values[at + ZIGZAG[k]] = bits.signed(length) * (1 << scan.low);
  }
}

// One more bit of the other values.
function refine(bits, part, at, scan) {
  const { values } = part;
  const bit = 1 << scan.low;
  const more = (place) => {
    if (bits.read(1) && !(values[place] & bit)) values[place] += values[place] > 0 ? bit : -bit;
  };
  let k = scan.from;
  while (scan.run === 0 && k <= scan.to) {
    const symbol = bits.symbol(part.ac);
    let [zeros, fresh] = [symbol >> 4, 0];
    if (symbol & 15) fresh = bits.read(1) ? bit : -bit;
    else if (zeros < 15) {
      scan.run = (1 << zeros) + bits.read(zeros);
      break;
    }
    for (; k <= scan.to; k++) {
      const place = at + ZIGZAG[k];
      if (values[place]) more(place);
      else if (zeros-- === 0) {
        values[place] = fresh;
        k++;
        break;
      }
    }
  }
  if (scan.run > 0) {
    for (; k <= scan.to; k++) if (values[at + ZIGZAG[k]]) more(at + ZIGZAG[k]);
    scan.run--;
  }
}

// The pixels of a frame after all its values were read.
function jpegPixels({ width, height, parts, across, down }) {
  if (parts.some((part) => !part.factors)) throw new Error(DAMAGED);
  const planes = parts.map(planeOfPart);
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  const lines = planes.slice(1).map(({ stride }) => new Int32Array(across * stride));
  const [bright] = planes;
  for (let y = 0, to = 0; y < height; y++) {
    lines.forEach((line, i) => enlarge(planes[i + 1], y, across, down, line));
    for (let x = 0; x < width; x++, to += 4) {
      const value = bright.pixels[y * bright.stride + x];
      if (!lines.length) {
        rgba[to] = rgba[to + 1] = rgba[to + 2] = value;
        continue;
      }
      const blue = lines[0][x] - 128;
      const red = lines[1][x] - 128;
      const sum = value * 16384 + 8191;
      rgba[to] = (sum + red * 22970) >> 14;
      rgba[to + 1] = (sum - red * 11700 - blue * 5638) >> 14;
      rgba[to + 2] = (sum + blue * 29032) >> 14;
    }
  }
  return { width, height, rgba, alpha: false };
}

// Line `y` of a colour plane, as wide as the picture.
function enlarge({ pixels, stride, height }, y, across, down, line) {
  const row = Math.floor(y / down);
  const other = down === 1 ? row : Math.min(Math.max(row + (y % 2 ? 1 : -1), 0), height - 1);
  // Without enlargement both lines are the same, and the weights leave them unchanged.
  const at = (x) => (3 * pixels[row * stride + x] + pixels[other * stride + x] + 2) >> 2;
  if (across === 1) {
    for (let x = 0; x < stride; x++) line[x] = at(x);
    return;
  }
  let left = at(0);
  let here = left;
  for (let x = 0; x < stride; x++) {
    const right = x + 1 < stride ? at(x + 1) : here;
    line[2 * x] = (3 * here + left + 2) >> 2;
    line[2 * x + 1] = (3 * here + right + 2) >> 2;
    left = here;
    here = right;
  }
}

function planeOfPart({ values, factors, columns, rows }) {
  const stride = 8 * columns;
  const pixels = new Uint8ClampedArray(stride * 8 * rows);
  const block = new Int32Array(64);
  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, at += 64) {
      for (let i = 0; i < 64; i++) block[i] = values[at + i] * factors[i];
      for (let i = 0; i < 8; i++) transform(block, i, 8, 512, 10);
      // Also adds 128 and rounds.
      for (let i = 0; i < 64; i += 8) transform(block, i, 1, 512 + 65536 + (128 << 17), 17);
      for (let i = 0; i < 64; i++) pixels[(8 * y + (i >> 3)) * stride + 8 * x + (i & 7)] = block[i];
    }
  }
  return { pixels, stride, height: 8 * rows };
}

// The inverse cosine transform, in place, of eight values from `at`, `step` apart.
function transform(v, at, step, rounding, shift) {
  const a = v[at];
  const b = v[at + step];
  const c = v[at + 2 * step];
  const d = v[at + 3 * step];
  const e = v[at + 4 * step];
  const f = v[at + 5 * step];
  const g = v[at + 6 * step];
  const h = v[at + 7 * step];
  const middle = (c + g) * 2217;
  const even0 = ((a + e) << 12) + rounding;
  const even1 = ((a - e) << 12) + rounding;
  const even2 = middle - g * 7567;
  const even3 = middle + c * 3135;
  const all = (h + d + f + b) * 4816;
  const p1 = all - (h + b) * 3685;
  const p2 = all - (f + d) * 10497;
  const p3 = (h + d) * -8034;
  const p4 = (f + b) * -1597;
  const t0 = h * 1223 + p1 + p3;
  const t1 = f * 8410 + p2 + p4;
  const t2 = d * 12586 + p2 + p3;
  const t3 = b * 6149 + p1 + p4;
  v[at] = (even0 + even3 + t3) >> shift;
  v[at + step] = (even1 + even2 + t2) >> shift;
  v[at + 2 * step] = (even1 - even2 + t1) >> shift;
  v[at + 3 * step] = (even0 - even3 + t0) >> shift;
  v[at + 4 * step] = (even0 - even3 - t0) >> shift;
  v[at + 5 * step] = (even1 - even2 - t1) >> shift;
  v[at + 6 * step] = (even1 + even2 - t2) >> shift;
  v[at + 7 * step] = (even0 + even3 - t3) >> shift;
}

// The picture turned upright according to its Exif orientation.
function turned(picture, orientation) {
  if (orientation === 1) return picture;
  const [w, h] = [picture.width, picture.height];
  const [bottom, right] = [h - 1, w - 1];
  const place = {
    2: (y, x) => [y, right - x],
    3: (y, x) => [bottom - y, right - x],
    4: (y, x) => [bottom - y, x],
    5: (y, x) => [x, y],
    6: (y, x) => [bottom - x, y],
    7: (y, x) => [bottom - x, right - y],
    8: (y, x) => [x, right - y],
  }[orientation];
  const [width, height] = orientation >= 5 ? [h, w] : [w, h];
  const [from, to] = [new Uint32Array(picture.rgba.buffer), new Uint32Array(w * h)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [row, column] = place(y, x);
      to[y * width + x] = from[row * w + column];
    }
  }
  return { width, height, rgba: new Uint8ClampedArray(to.buffer), alpha: false };
}

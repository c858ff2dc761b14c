// Computes the steps of the model with typed arrays. Maps are (height, width, channels).

// The lines [first, end) of a window at `start` that lie on a map with `side` lines.
function covered(start, size, side) {
  return [Math.max(0, -start), Math.min(size, side - start)];
}

class Network {
  // `model` is the description in this page, `weights` a Float32Array.
  constructor(model, weights) {
    this.model = model;
    this.values = model.values.map(([height, width, channels, offset]) => {
      return { height, width, channels, offset, length: height * width * channels };
    });
    this.memory = new Float32Array(model.memory);
    this.steps = model.steps.map((step) => ({ ...step, ...slices(step, weights) }));
  }

  // The probabilities of an image: bytes (h, w, c).
  probabilities(pixels) {
    const logits = this.logits(pixels);
    const largest = Math.max(...logits);
    const powers = Array.from(logits, (z) => Math.exp((z - largest) / this.model.temperature));
    const sum = powers.reduce((all, power) => all + power, 0);
    return powers.map((power) => power / sum);
  }

  logits(pixels) {
    const image = this.map(0);
    for (let i = 0; i < image.length; i++) image[i] = pixels[i] / 255;
    for (const step of this.steps) {
      const inputs = step.inputs.map((id) => this.map(id));
      const shapes = step.inputs.map((id) => this.values[id]);
      const [y, to] = [this.map(step.output), this.values[step.output]];
      WORK[step.kind](step, inputs, shapes, y, to);
      if (step.relu) for (let i = 0; i < y.length; i++) if (y[i] < 0) y[i] = 0;
    }
    return this.map(this.model.logits);
  }

  // The part of the memory with a map.
  map(id) {
    const { offset, length } = this.values[id];
    return this.memory.subarray(offset, offset + length);
  }
}

function slices({ kind, numbers }, weights) {
  const [first, second] = (numbers ?? []).map(([from, length]) => weights.subarray(from, from + length));
  return kind === "conv" ? { weights: first, bias: second } : { scale: first, shift: second };
}

const WORK = {
  conv({ window, weights, bias }, [x], [from], y, to) {
    const [rows, columns, stride, padding] = window;
    const { height, width, channels: c } = from;
    const line = columns * c;
    const each = rows * line;
    const outputs = to.channels;
    for (let row = 0, at = 0; row < to.height; row++) {
      const top = row * stride - padding;
      const [r0, r1] = covered(top, rows, height);
      for (let column = 0; column < to.width; column++, at += outputs) {
        const left = column * stride - padding;
        const [c0, c1] = covered(left, columns, width);
        const length = (c1 - c0) * c;
        const begin = (left + c0) * c;
        let k = 0;
        // Four output channels at once, so that each value of the map is read once for all.
        for (; k + 4 <= outputs; k += 4) {
          let s0 = bias[k], s1 = bias[k + 1], s2 = bias[k + 2], s3 = bias[k + 3];
          for (let r = r0; r < r1; r++) {
            let i = (top + r) * width * c + begin;
            let w0 = k * each + r * line + c0 * c;
            let w1 = w0 + each, w2 = w1 + each, w3 = w2 + each;
            for (const end = i + length; i < end; i++) {
              const value = x[i];
              s0 += value * weights[w0++];
              s1 += value * weights[w1++];
              s2 += value * weights[w2++];
              s3 += value * weights[w3++];
            }
          }
          y[at + k] = s0;
          y[at + k + 1] = s1;
          y[at + k + 2] = s2;
          y[at + k + 3] = s3;
        }
        for (; k < outputs; k++) {
          let sum = bias[k];
          for (let r = r0; r < r1; r++) {
            let i = (top + r) * width * c + begin;
            let w = k * each + r * line + c0 * c;
            for (const end = i + length; i < end; i++) sum += x[i] * weights[w++];
          }
          y[at + k] = sum;
        }
      }
    }
  },

  affine({ scale, shift }, [x], _, y) {
    const channels = scale.length;
    for (let i = 0; i < y.length; i++) y[i] = x[i] * scale[i % channels] + shift[i % channels];
  },

  rectify(_, [x], __, y) {
    y.set(x);
  },

  max_pool({ window }, [x], [from], y, to) {
    pool(window, x, from, y, to, -Infinity, Math.max);
  },

  avg_pool({ window }, [x], [from], y, to) {
    pool(window, x, from, y, to, 0, (sum, value) => sum + value);
    for (let i = 0; i < y.length; i++) y[i] /= window[0] * window[1];
  },

  concat(_, inputs, shapes, y, to) {
    let first = 0;
    inputs.forEach((x, part) => {
      const { channels } = shapes[part];
      for (let pixel = 0; pixel < to.height * to.width; pixel++) {
        y.set(x.subarray(pixel * channels, (pixel + 1) * channels), pixel * to.channels + first);
      }
      first += channels;
    });
  },

  add({ factor }, [a, b], _, y) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] + factor * b[i];
  },
};

// Folds the values under the window, beginning with `start`.
function pool([rows, columns, stride, padding], x, from, y, to, start, fold) {
  const c = from.channels;
  y.fill(start);
  for (let row = 0, at = 0; row < to.height; row++) {
    const top = row * stride - padding;
    const [r0, r1] = covered(top, rows, from.height);
    for (let column = 0; column < to.width; column++, at += c) {
      const left = column * stride - padding;
      const [c0, c1] = covered(left, columns, from.width);
      for (let r = r0; r < r1; r++) {
        for (let q = c0; q < c1; q++) {
          const i = ((top + r) * from.width + left + q) * c;
          for (let k = 0; k < c; k++) y[at + k] = fold(y[at + k], x[i + k]);
        }
      }
    }
  }
}

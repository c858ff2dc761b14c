//! Convolutions and dense layers, which are convolutions of one pixel: products of the pixels' channels with
//! the filters.

use super::filters::{Filter, Form};
use super::{Lowering, Mode};
use crate::kernel::{Groups, Kernel};
use crate::memory::View;
use modiste_spec::{NodeId, Op, Shape, padding};

/// Channels that a workgroup multiplies before it loads more.
const DEPTH: usize = 16;
/// Pixels that a workgroup of the filter's gradient adds up before it loads more.
const PIXELS: usize = 16;
/// Workgroups that should at least be there before they become larger.
const ENOUGH: usize = 256;

/// Size and step of a window.
#[derive(Clone, Copy, Debug)]
struct Window {
    kernel: usize,
    stride: usize,
}

impl Window {
    fn taps(self) -> usize {
        self.kernel * self.kernel
    }
}

/// The number of columns of a workgroup, and of fours of columns of a thread: the least time by the columns that
/// are computed in vain and by how often narrow tiles read the same pixels (a guess in tenths, not measured).
fn columns_of(channels: usize) -> (usize, usize) {
    let time =
        |&(columns, _, price): &(usize, usize, usize)| channels.div_ceil(columns) * columns * price;
    let all = [(96, 3, 10), (80, 2, 10), (64, 2, 10), (48, 3, 11), (32, 1, 12), (16, 1, 16)];
    let (columns, fours, _) = all.into_iter().min_by_key(time).expect("six sizes");
    (columns, fours)
}

/// The same for a side of a filter's gradient.
fn side_of(channels: usize) -> (usize, usize) {
    let time = |&(side, _, price): &(usize, usize, usize)| channels.div_ceil(side) * side * price;
    let all = [(96, 2, 10), (64, 1, 11), (32, 1, 13), (16, 1, 18)];
    let (side, fours, _) = all.into_iter().min_by_key(time).expect("four sizes");
    (side, fours)
}

impl Lowering<'_> {
    fn window(&self, id: NodeId) -> (Window, bool) {
        match self.network.nodes()[id].op {
            Op::Conv { kernel, stride, bias, .. } => (Window { kernel, stride }, bias),
            _ => (Window { kernel: 1, stride: 1 }, true),
        }
    }

    pub(super) fn conv_forward(&mut self, id: NodeId, mode: Mode, x: &View, y: &View) {
        let (window, bias) = self.window(id);
        let [filter, _] = self.filters.of(id);
        let kernel =
            self.product(self.label(id, "forward"), window, filter, [x, y], (false, false));
        let kernel = match bias {
            true => {
                let k = y.shape.channels;
                let first = self.layout.firsts[self.layout.position(id) + 1];
                // Four values, beyond the last of which lie those of the gap or of the next parameter.
                kernel
                    .number("bias", first)
                    .number("outputs", k)
                    .reads("parameters", self.weights(mode), "f32")
                    .text(
                        "fn bias_of(c: u32) -> vec4f { let i = p.bias + min(c, p.outputs - 1u); \
                         return vec4f(parameters[i], parameters[i + 1u], parameters[i + 2u], parameters[i + 3u]); }",
                    )
                    .constant("BIAS", 1)
            }
            false => kernel
                .text("fn bias_of(c: u32) -> vec4f { return vec4f(0.0); }")
                .constant("BIAS", 0),
        };
        self.kernels.push(kernel);
    }

    /// The gradients by filter, bias and input.
    pub(super) fn conv_backward(&mut self, id: NodeId, x: NodeId, dy: &View) {
        let (window, bias) = self.window(id);
        self.filter_gradient(id, window, x, dy);
        if bias {
            self.bias_gradient(id, dy);
        }
        if let Some((dx, add)) = self.gradient_of(x) {
            let [_, filter] = self.filters.of(id);
            let label = self.label(id, "gradient by input");
            let kernel = self
                .product(label, window, filter, [dy, &dx], (true, add))
                .text("fn bias_of(c: u32) -> vec4f { return vec4f(0.0); }")
                .constant("BIAS", 0);
            self.kernels.push(kernel);
        }
    }

    /// The product that computes `y` from `x`, or, transposed, an input's gradient from an output's.
    fn product(
        &self,
        label: String,
        window: Window,
        filter: Filter,
        [x, y]: [&View; 2],
        (transposed, add): (bool, bool),
    ) -> Kernel {
        if filter.form != Form::Plain {
            return winograd(label, filter, [x, y], add);
        }
        let (columns, fours) = columns_of(y.shape.channels);
        let depth = if x.shape.channels <= 4 { 4 } else { DEPTH };
        let tiles = y.shape.channels.div_ceil(columns);
        let rows = y.shape.pixels();
        let few = self.batch * rows / 128 * tiles < ENOUGH && depth == DEPTH;
        let (tall, each) = if few { (64, 4) } else { (128, 8) };
        let threads = tall / each * (columns / 4 / fours);
        let groups =
            Groups { fixed: 0, per_image: rows as u64, unit: tall as u64, depth: tiles as u64 };
        let work =
            2 * rows.min(x.shape.pixels()) * window.taps() * x.shape.channels * y.shape.channels;
        Kernel::new(label, include_str!("../shaders/conv.wgsl"), groups)
            .work(work as u64)
            .constant("TRANSPOSED", usize::from(transposed))
            .constant("TM", tall)
            .constant("TN", columns)
            .constant("TK", depth)
            .constant("RM", each)
            .constant("RN", fours)
            .constant("THREADS", threads)
            .constant("LANES", depth / 4)
            .constant("LOADS", (tall * depth / 4).div_ceil(threads))
            .constant("WLOADS", (depth * columns / 4).div_ceil(threads))
            .view("x", x)
            .target("y", y, add)
            .reads_part("filters", filter.place, "vec4f")
            .number("padded", filter.padded)
            .number("rows", rows)
            .number("width", y.shape.width)
            .number("x_height", x.shape.height)
            .number("x_width", x.shape.width)
            .number("kernel", window.kernel)
            .number("taps", window.taps())
            .number("stride", window.stride)
            .number("padding", padding(window.kernel))
    }

    fn filter_gradient(&mut self, id: NodeId, window: Window, x: NodeId, dy: &View) {
        let x = self.values[x];
        let (c, k, taps) = (x.shape.channels, dy.shape.channels, window.taps());
        let ((tall, fours), (columns, fours_across)) = (side_of(c), side_of(k));
        let (row_tiles, column_tiles) = (c.div_ceil(tall), k.div_ceil(columns));
        let threads = (tall / 4 / fours) * (columns / 4 / fours_across);
        let groups = taps * row_tiles * column_tiles;
        let slices = self.slices_of(dy.shape.pixels(), groups, 64, 256);
        let values = taps * c * k;
        self.sizes.grow(self.slices, slices * values);
        let label = self.label(id, "gradient by filter");
        let count = Groups { fixed: slices as u64, per_image: 0, unit: 1, depth: groups as u64 };
        let product = Kernel::new(label, include_str!("../shaders/conv_weights.wgsl"), count)
            .work((2 * dy.shape.pixels() * values) as u64)
            .constant("TM", tall)
            .constant("TN", columns)
            .constant("TP", PIXELS)
            .constant("RM", fours)
            .constant("RN", fours_across)
            .constant("THREADS", threads)
            .constant("XLOADS", (PIXELS * tall / 4).div_ceil(threads))
            .constant("YLOADS", (PIXELS * columns / 4).div_ceil(threads))
            .view("x", &x)
            .view("dy", dy)
            .writes("slices", self.slices, "f32")
            .number("slices", slices)
            .number("row_tiles", row_tiles)
            .number("column_tiles", column_tiles)
            .number("rows", dy.shape.pixels())
            .number("width", dy.shape.width)
            .number("x_height", x.shape.height)
            .number("x_width", x.shape.width)
            .number("kernel", window.kernel)
            .number("taps", taps)
            .number("stride", window.stride)
            .number("padding", padding(window.kernel));
        let label = self.label(id, "gradient by filter, sum");
        let body = include_str!("../shaders/conv_weights_sum.wgsl");
        let sum = Kernel::new(label, body, Groups::fixed(values))
            .number("values", values)
            .number("slices", slices)
            .number("inner", c)
            .number("outer", k)
            .number("taps", taps)
            .number("first", self.layout.firsts[self.layout.position(id)])
            .reads("slices", self.slices, "f32")
            .writes("gradients", self.shared.gradients, "f32");
        self.kernels.extend([product, sum]);
    }

    fn bias_gradient(&mut self, id: NodeId, dy: &View) {
        let channels = dy.shape.channels;
        let (sums, slices) = self.sums(self.label(id, "gradient by bias"), 2, dy, None);
        let label = self.label(id, "gradient by bias, sum");
        let body = include_str!("../shaders/sums_finish.wgsl");
        let finish = Kernel::new(label, body, Groups::count(channels.div_ceil(64)))
            .number("channels", channels)
            .number("slices", slices)
            .number("first", self.layout.firsts[self.layout.position(id) + 1])
            .reads("slices", self.slices, "vec2f")
            .writes("gradients", self.shared.gradients, "f32");
        self.kernels.extend([sums, finish]);
    }
}

/// Winograd's method for windows of 3 x 3 at step 1; forward and, with the turned filter, backward.
fn winograd(label: String, filter: Filter, [x, y]: [&View; 2], add: bool) -> Kernel {
    let Shape { height, width, channels } = y.shape;
    let across = width.div_ceil(2);
    let tiles = height.div_ceil(2) * across;
    let groups =
        Groups { fixed: 0, per_image: tiles as u64, unit: 32, depth: channels.div_ceil(32) as u64 };
    Kernel::new(label, include_str!("../shaders/winograd.wgsl"), groups)
        .work((2 * 9 * height * width * x.shape.channels * channels) as u64)
        .view("x", x)
        .target("y", y, add)
        .reads_part("filters", filter.place, "vec4f")
        .number("padded", filter.padded)
        .number("tiles", tiles)
        .number("across", across)
        .number("height", height)
        .number("width", width)
}

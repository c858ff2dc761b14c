//! Operations on single values and windows: images, ReLU, dropout, pools, joining, adding.

use super::{Lowering, Mode, fours_of};
use crate::kernel::{Groups, Kernel};
use crate::memory::View;
use modiste_spec::random::{Purpose, Stream, dropout_threshold};
use modiste_spec::{NodeId, Op, Shape, padding};

/// Sides, step and padding of a pool's window.
#[derive(Clone, Copy, Debug)]
struct Pool {
    height: usize,
    width: usize,
    stride: usize,
    padding: usize,
}

impl Lowering<'_> {
    pub(super) fn image(&mut self, shape: Shape, y: &View) {
        let body = include_str!("../shaders/input.wgsl");
        let kernel = Kernel::new("images to floats", body, Groups::each(shape.len()))
            .number("values", shape.len())
            .reads("pixels", self.shared.pixels, "u32")
            .target("y", y, false);
        self.kernels.push(kernel);
    }

    /// The gradient by a ReLU's output is that by its input where the input is positive; it has no maps of its
    /// own if nobody else adds to it.
    pub(super) fn relu_backward(&mut self, id: NodeId, x: NodeId, dy: &View) {
        // A mask is that of a ReLU that reads this one, and then the same.
        let masked = View { mask: dy.mask.or(Some(self.values[x].place)), ..*dy };
        if !self.lend(x, &masked) {
            self.pass_on(id, x, &masked, 1.0);
        }
    }

    /// The same mask forward, on maps, and backward, on gradients.
    pub(super) fn dropout(
        &mut self,
        id: NodeId,
        rate: f64,
        mode: Mode,
        x: &View,
        y: &View,
        add: bool,
    ) {
        if mode == Mode::Predict {
            let kernel = self.copy(self.label(id, "forward"), x, y, 1.0, add);
            self.kernels.push(kernel);
            return;
        }
        let key = u32::try_from(self.network.mask_key(id)).expect("a node's position");
        let (_, [stream, ..]) = Stream::new(0, Purpose::Dropout, key, 0).words();
        let body = include_str!("../shaders/dropout.wgsl");
        let groups = Groups {
            fixed: 0,
            per_image: x.shape.len() as u64,
            unit: 8 * crate::kernel::THREADS,
            depth: 1,
        };
        let kernel = Kernel::new(self.label(id, "mask"), body, groups)
            .view("x", x)
            .target("y", y, add)
            .number("values", x.shape.len())
            .number("stream", stream as usize)
            .number("threshold", dropout_threshold(rate) as usize)
            .factor("factor", 1.0 / (1.0 - rate));
        self.kernels.push(kernel);
    }

    fn pool_of(&self, id: NodeId) -> Pool {
        let Shape { height, width, .. } = self.network.input_shapes(id)[0];
        match self.network.nodes()[id].op {
            Op::MaxPool { kernel, stride } => {
                Pool { height: kernel, width: kernel, stride, padding: padding(kernel) }
            }
            Op::AvgPool { kernel } => {
                Pool { height: kernel, width: kernel, stride: kernel, padding: 0 }
            }
            _ => Pool { height, width, stride: height.max(width), padding: 0 },
        }
    }

    fn windows(kernel: Kernel, pool: Pool, x: Shape, y: Shape) -> Kernel {
        kernel
            .number("rows", y.pixels())
            .number("height", y.height)
            .number("width", y.width)
            .number("x_height", x.height)
            .number("x_width", x.width)
            .number("kernel_height", pool.height)
            .number("kernel_width", pool.width)
            .number("stride", pool.stride)
            .number("padding", pool.padding)
    }

    pub(super) fn max_pool_forward(&mut self, id: NodeId, x: &View, y: &View) {
        let places = *self.places[id]
            .get_or_insert_with(|| self.sizes.add("places of maxima", 0, y.shape.len()));
        let body = include_str!("../shaders/max_pool.wgsl");
        let kernel = Kernel::new(self.label(id, "forward"), body, Groups::each(y.shape.len()))
            .view("x", x)
            .target("y", y, false)
            .writes("places", places, "u32");
        self.kernels.push(Self::windows(kernel, self.pool_of(id), x.shape, y.shape));
    }

    pub(super) fn max_pool_backward(&mut self, id: NodeId, x: NodeId, dy: &View) {
        let shape = self.values[x].shape;
        let Some((dx, add)) = self.gradient_of(x) else { return };
        let places = self.places[id].expect("the forward pass came first");
        let body = include_str!("../shaders/max_pool_backward.wgsl");
        let kernel = Kernel::new(self.label(id, "backward"), body, Groups::each(shape.len()))
            .view("dy", dy)
            .target("dx", &dx, add)
            .reads("places", places, "u32");
        self.kernels.push(Self::windows(kernel, self.pool_of(id), shape, dy.shape));
    }

    pub(super) fn avg_pool_forward(&mut self, id: NodeId, x: &View, y: &View) {
        let pool = self.pool_of(id);
        let body = include_str!("../shaders/avg_pool.wgsl");
        let kernel = Kernel::new(self.label(id, "forward"), body, Groups::each(y.shape.len()))
            .view("x", x)
            .target("y", y, false)
            .factor("factor", 1.0 / (pool.height * pool.width) as f64);
        self.kernels.push(Self::windows(kernel, pool, x.shape, y.shape));
    }

    pub(super) fn avg_pool_backward(&mut self, id: NodeId, x: NodeId, dy: &View) {
        let shape = self.values[x].shape;
        let Some((dx, add)) = self.gradient_of(x) else { return };
        let pool = self.pool_of(id);
        let body = include_str!("../shaders/avg_pool_backward.wgsl");
        let kernel = Kernel::new(self.label(id, "backward"), body, Groups::each(shape.len()))
            .view("dy", dy)
            .target("dx", &dx, add)
            .factor("factor", 1.0 / (pool.height * pool.width) as f64);
        self.kernels.push(Self::windows(kernel, pool, shape, dy.shape));
    }

    pub(super) fn concat_forward(&mut self, id: NodeId, parts: &[View], y: &View) {
        let mut offset = 0;
        for part in parts {
            let channels = part.shape.channels;
            let place = y.channels(offset, channels);
            let kernel = self.copy(self.label(id, "forward"), part, &place, 1.0, false);
            self.kernels.push(kernel);
            offset += channels;
        }
    }

    pub(super) fn concat_backward(&mut self, id: NodeId, inputs: &[NodeId], dy: &View) {
        let mut offset = 0;
        for &input in inputs {
            let channels = self.values[input].shape.channels;
            let part = dy.channels(offset, channels);
            // One that has other readers would add to a buffer that other parts are read from.
            if self.readers[input] > 1 || !self.lend(input, &part) {
                self.pass_on(id, input, &part, 1.0);
            }
            offset += channels;
        }
    }

    pub(super) fn scaled_add_forward(
        &mut self,
        id: NodeId,
        [a, b]: [&View; 2],
        scale: f64,
        y: &View,
    ) {
        let body = include_str!("../shaders/scaled_add.wgsl");
        let kernel = Kernel::new(self.label(id, "forward"), body, fours_of(y.shape))
            .number("fours", y.shape.channels.div_ceil(4))
            .view("a", a)
            .view("b", b)
            .target("y", y, false)
            .factor("factor", scale)
            .number("rows", y.shape.pixels());
        self.kernels.push(kernel);
    }

    /// Adds `factor` times the gradient of node `id` to that of its input.
    pub(super) fn pass_on(&mut self, id: NodeId, input: NodeId, dy: &View, factor: f64) {
        if let Some((dx, add)) = self.gradient_of(input) {
            let kernel = self.copy(self.label(id, "backward"), dy, &dx, factor, add);
            self.kernels.push(kernel);
        }
    }

    /// Copies all values of `x`, times `factor`, to `y`, which has as many but maybe another shape.
    pub(super) fn copy(
        &self,
        label: impl Into<String>,
        x: &View,
        y: &View,
        factor: f64,
        add: bool,
    ) -> Kernel {
        let fours = x.in_fours() && y.in_fours() && x.shape.channels == y.shape.channels;
        let values = x.shape.len() / if fours { 4 } else { 1 };
        Kernel::new(label, include_str!("../shaders/copy.wgsl"), Groups::each(values))
            .constant("FOURS", usize::from(fours))
            .view("x", x)
            .target("y", y, add)
            .number("values", values)
            .factor("factor", factor)
    }
}

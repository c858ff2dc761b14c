//! Batch normalisations, and sums over pixels by channel.

use super::{Lowering, Mode, fours_of};
use crate::kernel::{Groups, Kernel};
use crate::memory::{BufferId, Norm, Place, Statistics, View};
use modiste_spec::{NodeId, Op};

/// Channels of a workgroup that adds up pixels.
const CHANNELS: usize = 32;
/// Most slices of a sum, because one thread for each channel adds them up.
const MOST_SLICES: usize = 128;

/// Places of a normalisation's parameters.
struct Places {
    /// First scale, if it is trained.
    scale: Option<usize>,
    /// First shift, running mean and running variance.
    shift: usize,
    mean: usize,
    variance: usize,
    /// Position of the running mean among the parameters.
    position: usize,
}

impl Lowering<'_> {
    fn places_of(&self, id: NodeId, scaled: bool) -> Places {
        let first = self.layout.position(id);
        let at = |offset: usize| self.layout.firsts[first + offset + usize::from(scaled)];
        Places {
            scale: scaled.then(|| self.layout.firsts[first]),
            shift: at(0),
            mean: at(1),
            variance: at(2),
            position: first + 1 + usize::from(scaled),
        }
    }

    /// The output of a normalisation, whose statistics are planned here. Readers normalise, unless the input
    /// is normalised or cut off by them already.
    pub(super) fn norm_view(&mut self, id: NodeId, x: NodeId) -> View {
        let x = self.values[x];
        let channels = x.shape.channels;
        let norm = self.joins.norm(self.network, id).unwrap_or_else(|| {
            let buffer = self.sizes.add("statistics", Statistics::len(channels), 0);
            Norm::whole(buffer, channels)
        });
        let back = self.sizes.add("gradients' statistics", Statistics::len(channels), 0);
        self.norms[id] = Some((norm, back));
        match x.place.norm.is_none() && !x.relu {
            true => View { place: Place { norm: Some(norm), ..x.place }, ..x },
            false => self.sizes.maps(&self.network.nodes()[id].name, x.shape),
        }
    }

    pub(super) fn norm_forward(&mut self, id: NodeId, mode: Mode, x: &View, y: &View) {
        let Op::BatchNorm { epsilon, momentum, scale } = self.network.nodes()[id].op else {
            return;
        };
        let channels = x.shape.channels;
        let (norm, _) = self.norms[id].expect("planned with the maps");
        let places = self.places_of(id, scale);
        let body = include_str!("../shaders/norm_finish.wgsl");
        let label = self.label(id, "statistics, joined");
        let groups = Groups::count(channels.div_ceil(CHANNELS));
        let finish = Kernel::new(label, body, groups)
            .constant("PREDICT", usize::from(mode == Mode::Predict))
            .constant("SCALED", usize::from(scale))
            .number("channels", channels)
            .number("scale", places.scale.unwrap_or(0))
            .number("shift", places.shift)
            .number("mean", places.mean)
            .number("variance", places.variance)
            .number("rows", x.shape.pixels())
            .number("parameter", places.position)
            .factor("epsilon", epsilon)
            .factor("momentum", momentum)
            .number("row", norm.row)
            .number("first", norm.first)
            .writes("norm", norm.buffer, "f32")
            .reads("slices", self.slices, "vec2f");
        match mode {
            Mode::Train => {
                let (sums, slices) = self.sums(self.label(id, "statistics"), 0, x, None);
                self.kernels.push(sums);
                self.kernels.push(trains(finish, &self.shared, slices));
            }
            Mode::Predict => self.kernels.push(predicts(finish, self.shared.active)),
        }
        if y.place.norm.is_some() {
            return;
        }
        let apply = include_str!("../shaders/norm_forward.wgsl");
        let apply = Kernel::new(self.label(id, "forward"), apply, Groups::each(y.shape.len()))
            .view("x", x)
            .target("y", y, false)
            .reads("norm", norm.buffer, "f32")
            .number("row", norm.row)
            .number("first", norm.first)
            .number("rows", y.shape.pixels());
        self.kernels.push(apply);
    }

    pub(super) fn norm_backward(&mut self, id: NodeId, x: NodeId, dy: &View) {
        let Op::BatchNorm { scale, .. } = self.network.nodes()[id].op else { return };
        let value = self.values[x];
        let channels = value.shape.channels;
        let (norm, back) = self.norms[id].expect("the forward pass came first");
        let places = self.places_of(id, scale);
        let (sums, slices) =
            self.sums(self.label(id, "gradients' statistics"), 1, dy, Some((&value, norm)));
        let label = self.label(id, "gradients' statistics, joined");
        let body = include_str!("../shaders/norm_backward_finish.wgsl");
        let finish = Kernel::new(label, body, Groups::count(channels.div_ceil(CHANNELS)))
            .constant("SCALED", usize::from(scale))
            .number("channels", channels)
            .number("slices", slices)
            .number("scale", places.scale.unwrap_or(0))
            .number("shift", places.shift)
            .number("rows", value.shape.pixels())
            .number("parameter", places.position)
            .reads("slices", self.slices, "vec2f")
            .reads("norm", norm.buffer, "f32")
            .number("row", norm.row)
            .number("first", norm.first)
            .number("padded", channels.next_multiple_of(4))
            .reads("rates", self.shared.rates, "vec4f")
            .writes("gradients", self.shared.gradients, "f32")
            .writes("back", back, "f32");
        self.kernels.extend([sums, finish]);
        if let Some((dx, add)) = self.gradient_of(x) {
            let body = include_str!("../shaders/norm_backward.wgsl");
            let kernel = Kernel::new(self.label(id, "backward"), body, fours_of(value.shape))
                .view("x", &value)
                .view("dy", dy)
                .target("dx", &dx, add)
                .reads("back", back, "vec4f")
                .number("fours", channels.div_ceil(4))
                .number("rows", value.shape.pixels());
            self.kernels.push(kernel);
        }
    }

    /// The kernel that adds up pixels of `values` in slices, and their number. What it adds up depends on
    /// `mode` (`sums.wgsl`); `normalised` are the maps that the gradient `values` belongs to.
    pub(super) fn sums(
        &mut self,
        label: String,
        mode: usize,
        values: &View,
        normalised: Option<(&View, Norm)>,
    ) -> (Kernel, usize) {
        let channels = values.shape.channels;
        let tiles = channels.div_ceil(CHANNELS);
        let slices = self.slices_of(values.shape.pixels(), tiles, 256, MOST_SLICES);
        self.sizes.grow(self.slices, 2 * slices * channels);
        let groups = Groups { fixed: slices as u64, per_image: 0, unit: 1, depth: tiles as u64 };
        let kernel = Kernel::new(label, include_str!("../shaders/sums.wgsl"), groups)
            .constant("MODE", mode)
            .view("values", values)
            .writes("slices", self.slices, "vec2f")
            .number("slices", slices)
            .number("channels", channels)
            .number("rows", values.shape.pixels());
        let pair = match mode {
            0 => "let v = values_load4(pixel, c, n) - shift; return Pair(v, v * v);",
            1 => {
                "let dy = values_load4(pixel, c, n); let x = x_load4(pixel, c, x_norm4(c)); let i = p.first + c / 4u; \
                 return Pair(dy, dy * (x - norm[i]) * norm[3u * p.fours + i]);"
            }
            _ => "return Pair(values_load4(pixel, c, n), vec4f(0.0));",
        };
        let pair =
            format!("fn pair(pixel: u32, c: u32, shift: vec4f, n: Norm4) -> Pair {{ {pair} }}");
        let kernel = kernel.number("half", 128).text(&pair);
        let kernel = match normalised {
            Some((x, norm)) => kernel
                .view("x", x)
                .number("fours", norm.row / 4)
                .number("first", norm.first / 4)
                .reads("norm", norm.buffer, "vec4f"),
            None => kernel,
        };
        (kernel, slices)
    }
}

/// The part of the statistics that training needs: it updates the running ones unless they are frozen.
fn trains(finish: Kernel, shared: &super::Shared, slices: usize) -> Kernel {
    finish
        .number("slices", slices)
        .writes("parameters", shared.parameters, "f32")
        .reads("rates", shared.rates, "vec4f")
        .text("fn fixed_statistics() -> bool { return rates[p.parameter].w == 0.0; }")
        .text(
            "fn keep_statistics(c: u32, v: vec2f) { parameters[p.mean + c] = v.x; \
             parameters[p.variance + c] = v.y; }",
        )
}

/// The part of the statistics that prediction needs: the weights that are active.
fn predicts(finish: Kernel, active: BufferId) -> Kernel {
    finish
        .number("slices", 1)
        .reads("parameters", active, "f32")
        .text("fn fixed_statistics() -> bool { return true; }")
        .text("fn keep_statistics(c: u32, v: vec2f) {}")
}

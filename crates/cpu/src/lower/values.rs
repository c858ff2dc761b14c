//! Where values are stored, and the copies that let a step read them.
//!
//! A node's output is on the lanes that the [`Layout`] gives it. Three kinds of readers need
//! another form: steps other than convolutions read activated values ([`Values::active`]), only
//! convolutions can read the image's lanes without padding ([`Values::image`]), and a sum reads
//! channels side by side ([`Values::plain`]). Each form is a separate copy, made once; none
//! replaces the output.

use super::fusing::Graph;
use super::layout::Layout;
use super::{Mode, NO_FLOOR};
use crate::plan::{Buffer, Copy, Norm, Region, Step, StepInput, StepKind};
use modiste_kernels::padded;
use modiste_spec::{NodeId, Op, Shape};
use std::collections::HashMap;

/// The forms of one node's output.
#[derive(Clone, Copy, Debug)]
struct Forms {
    /// The output as written.
    place: Region,
    /// Whether that is raw, to be normalised by readers.
    deferred: bool,
    /// The activated copy, with padding.
    active: Option<Region>,
    /// The activated copy, with channels side by side.
    plain: Option<Region>,
}

/// Buffers, steps so far, and the location of each node's output.
pub(super) struct Values<'a, 'n> {
    pub graph: &'a Graph<'n>,
    pub layout: &'a Layout,
    mode: Mode,
    pub buffers: Vec<Buffer>,
    pub steps: Vec<Step>,
    forms: Vec<Option<Forms>>,
    /// Parts of concatenations that their producers write to.
    targets: HashMap<NodeId, Region>,
    /// Concatenations whose place was allocated when the first part was produced.
    joined: HashMap<NodeId, Region>,
}

impl<'a, 'n> Values<'a, 'n> {
    pub fn new(graph: &'a Graph<'n>, layout: &'a Layout, mode: Mode, nodes: usize) -> Self {
        Self {
            graph,
            layout,
            mode,
            buffers: Vec::new(),
            steps: Vec::new(),
            forms: vec![None; nodes],
            targets: HashMap::new(),
            joined: HashMap::new(),
        }
    }

    /// Adds a buffer for maps of `shape` with `lanes` lanes.
    pub fn buffer(&mut self, shape: Shape, lanes: usize) -> Region {
        let (height, width) = (shape.height, shape.width);
        self.buffers.push(Buffer {
            height,
            width,
            lanes,
            start: 0,
            gradient_start: 0,
            trained: true,
            planar: false,
        });
        Region { buffer: self.buffers.len() - 1, offset: 0, lanes }
    }

    /// Adds the buffer of the images: the first, without padding and without a gradient.
    pub fn images(&mut self) {
        let image = self.layout.image;
        let shape = self.graph.shape(image);
        let place = self.buffer(shape, shape.channels);
        self.buffers[place.buffer].trained = false;
        self.forms[image] = Some(Forms { place, deferred: false, active: None, plain: None });
    }

    /// Whether a node's output has been written.
    pub fn is_there(&self, id: NodeId) -> bool {
        self.forms[id].is_some()
    }

    fn forms(&self, id: NodeId) -> Forms {
        self.forms[id].expect("nodes come in topological order")
    }

    /// Where node `id` writes: its part of a concatenation or a new buffer.
    pub fn target(&mut self, id: NodeId) -> Region {
        self.plan_concat(id);
        self.targets
            .remove(&id)
            .unwrap_or_else(|| self.buffer(self.graph.shape(id), self.layout.of(id).lanes))
    }

    /// If `id` is read only by one concatenation, allocates its buffer and assigns its parts to their
    /// producers.
    fn plan_concat(&mut self, id: NodeId) {
        let Some(reader) = self.graph.only_reader(id) else { return };
        if !matches!(self.graph.op(reader), Op::Concat) || self.joined.contains_key(&reader) {
            return;
        }
        let whole = self.concat_place(reader);
        for (input, part) in self.parts(reader, whole) {
            if self.graph.only_reader(input) == Some(reader) {
                self.targets.insert(input, part);
            }
        }
        self.joined.insert(reader, whole);
    }

    /// The place of a concatenation.
    pub fn concat_place(&mut self, id: NodeId) -> Region {
        if let Some(&place) = self.joined.get(&id) {
            return place;
        }
        let place = self.target(id);
        if self.mode == Mode::Training && self.graph.planar(id) {
            self.buffers[place.buffer].planar = true;
        }
        place
    }

    /// The inputs of a concatenation and their places within it.
    pub fn parts(&self, id: NodeId, whole: Region) -> Vec<(NodeId, Region)> {
        let mut offset = whole.offset;
        let part = |&input: &NodeId| {
            let place = Region { buffer: whole.buffer, offset, lanes: self.layout.of(input).lanes };
            offset += place.lanes;
            (input, place)
        };
        self.graph.inputs(id).iter().map(part).collect()
    }

    /// Lanes of each part of a node's output if it is a planar concatenation.
    pub fn planar_parts(&self, id: NodeId) -> Vec<usize> {
        let place = self.forms(id).place;
        match self.buffers[place.buffer].planar && matches!(self.graph.op(id), Op::Concat) {
            true => self.parts(id, place).into_iter().map(|(_, part)| part.lanes).collect(),
            false => Vec::new(),
        }
    }

    /// Appends the step that writes node `id`.
    pub fn step(
        &mut self,
        id: NodeId,
        kind: StepKind,
        from: StepInput,
        to: Region,
        norm: Option<Norm>,
    ) {
        let name = self.graph.name(id).to_owned();
        self.steps.push(Step { name, kind, from, to, norm });
        self.written(id, to, norm.is_some() && self.mode == Mode::Training);
    }

    /// Records where node `id` was written; copies values that its readers cannot activate themselves.
    pub fn written(&mut self, id: NodeId, place: Region, deferred: bool) {
        debug_assert_eq!(place.lanes, self.layout.of(id).lanes, "lanes of {}", self.graph.name(id));
        self.forms[id] = Some(Forms { place, deferred, active: None, plain: None });
        if deferred && !self.graph.read_deferred(id) {
            self.active(id);
        }
    }

    /// The place where a node was written, and whether it is deferred.
    pub fn own(&self, id: NodeId) -> (Region, bool) {
        let Forms { place, deferred, .. } = self.forms(id);
        (place, deferred)
    }

    /// The image as a convolution reads it.
    pub fn image(&self) -> StepInput {
        source(self.forms(self.layout.image).place, false)
    }

    /// A node's output for a reader that can activate it; the activated copy if there is one.
    pub fn any(&mut self, id: NodeId) -> StepInput {
        let Forms { place, deferred, active, .. } = self.forms(id);
        match active {
            Some(active) => source(active, false),
            None if self.on_image_lanes(id) => self.active(id),
            None => source(place, deferred),
        }
    }

    fn on_image_lanes(&self, id: NodeId) -> bool {
        self.forms(id).place.lanes != self.layout.of(id).lanes
    }

    /// A node's output, activated and with padding.
    pub fn active(&mut self, id: NodeId) -> StepInput {
        let Forms { place, deferred, active, .. } = self.forms(id);
        if let Some(active) = active {
            return source(active, false);
        }
        if !deferred && !self.on_image_lanes(id) {
            return source(place, false);
        }
        let to = self.buffer(self.graph.shape(id), self.layout.of(id).lanes);
        // The image's few channels keep their lanes.
        let channels = self.layout.of(id).channels.iter();
        let moves = (place.lanes != to.lanes).then(|| channels.map(|&c| (c, c)).collect());
        self.copy(id, source(place, deferred), to, moves);
        self.forms[id].as_mut().expect("it was there").active = Some(to);
        source(to, false)
    }

    /// A node's output, activated, with its channels side by side.
    pub fn plain(&mut self, id: NodeId) -> StepInput {
        if self.layout.of(id).is_plain() {
            return self.active(id);
        }
        if let Some(plain) = self.forms(id).plain {
            return source(plain, false);
        }
        let from = self.active(id);
        let channels = self.layout.of(id).channels.iter().copied();
        let to = self.buffer(self.graph.shape(id), padded(channels.len()));
        let moves = channels.enumerate().map(|(to, from)| (from, to)).collect();
        self.copy(id, from, to, Some(moves));
        self.forms[id].as_mut().expect("it was there").plain = Some(to);
        source(to, false)
    }

    /// Another copy of activated values, for a step that reads them twice.
    pub fn second_copy(&mut self, id: NodeId, from: StepInput) -> StepInput {
        let to = self.buffer(self.graph.shape(id), from.place.lanes);
        self.copy(id, from, to, None);
        source(to, false)
    }

    /// Copies a node to its part of a concatenation, if it was not written there.
    pub fn copy_to(&mut self, id: NodeId, to: Region) {
        let Forms { place, deferred, active, .. } = self.forms(id);
        let from = active.map_or(source(place, deferred), |active| source(active, false));
        let channels = self.layout.of(id).channels.iter();
        let moves = (from.place.lanes != to.lanes).then(|| channels.map(|&c| (c, c)).collect());
        self.copy(id, from, to, moves);
    }

    fn copy(
        &mut self,
        id: NodeId,
        from: StepInput,
        to: Region,
        moves: Option<Vec<(usize, usize)>>,
    ) {
        let name = format!("{}.copy", self.graph.name(id));
        let copy = Copy { floor: NO_FLOOR, dropout: None, moves };
        self.steps.push(Step { name, kind: StepKind::Copy(copy), from, to, norm: None });
    }
}

/// A source; how its gradient is written is determined once all steps exist ([`super::gradients`]).
fn source(place: Region, deferred: bool) -> StepInput {
    StepInput { place, deferred, accumulate: false, completes: false }
}

//! The backward pass through the steps, in reverse order: each source writes or adds to a gradient.

use crate::plan::{Buffer, Step, StepInput, StepKind};

/// Determines which step is the first and which the last to contribute to a buffer's gradient, walking
/// backward.
pub(super) fn mark_contributions(steps: &mut [Step], buffers: &[Buffer]) {
    let mut written = vec![false; buffers.len()];
    let mut first_reader: Vec<Option<usize>> = vec![None; buffers.len()];
    for (i, step) in steps.iter().enumerate() {
        for source in step.sources() {
            first_reader[source.place.buffer].get_or_insert(i);
        }
    }
    for (i, step) in steps.iter_mut().enumerate().rev() {
        for source in step.sources_mut() {
            let buffer = source.place.buffer;
            source.accumulate = std::mem::replace(&mut written[buffer], true);
            source.completes = source.deferred && first_reader[buffer] == Some(i);
        }
    }
}

impl Step {
    /// All sources that the step reads.
    pub fn sources(&self) -> impl Iterator<Item = &StepInput> {
        let second = match &self.kind {
            StepKind::Conv(conv) => conv.residual.as_ref().map(|(source, _)| source),
            StepKind::Add { other, .. } => Some(other),
            StepKind::Copy(_)
            | StepKind::MaxPool(_)
            | StepKind::MeanPool(_)
            | StepKind::Flatten => None,
        };
        std::iter::once(&self.from).chain(second)
    }

    fn sources_mut(&mut self) -> impl Iterator<Item = &mut StepInput> {
        let second = match &mut self.kind {
            StepKind::Conv(conv) => conv.residual.as_mut().map(|(source, _)| source),
            StepKind::Add { other, .. } => Some(other),
            StepKind::Copy(_)
            | StepKind::MaxPool(_)
            | StepKind::MeanPool(_)
            | StepKind::Flatten => None,
        };
        std::iter::once(&mut self.from).chain(second)
    }
}

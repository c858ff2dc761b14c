//! Trace events: what ran when, on which thread (`modiste bench --trace`).

use crate::clock::{Clock, Pass, Span, Work};
use crate::plan::Plan;
use crate::profile::{Profile, StepProfile};
use std::time::Instant;

/// One step, or the work between steps, on one thread.
#[derive(Clone, Debug)]
pub struct Event {
    /// The step's name as in [`StepProfile`]; for other work `filters`, `conversion`, `loss` or `adam`.
    pub name: String,
    /// The step's method; `rest` for other work.
    pub method: &'static str,
    /// The plan that the step belongs to: `training` or `prediction`.
    pub plan: &'static str,
    /// Whether it is the step's backward pass.
    pub backward: bool,
    /// The thread; all threads work together on training steps, which are recorded for the first.
    pub thread: usize,
    /// When it began.
    pub start: Instant,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Number of images processed.
    pub images: usize,
    /// Multiply-adds as the direct method counts them; twice the forward count for backward passes.
    pub multiply_adds: u64,
    /// Bytes that the forward pass must read and write at least.
    pub bytes: u64,
}

/// Takes the events of one thread's clock.
pub(crate) fn events(
    what: &'static str,
    thread: usize,
    plan: &Plan,
    clock: &mut Clock,
) -> Vec<Event> {
    let steps = Profile::new(plan, &Clock::new(plan)).steps;
    let of = |first: usize| -> &StepProfile {
        let group = plan.groups.iter().position(|range| range.start == first);
        &steps[group.expect("clocks count groups by their first step")]
    };
    let event = |span: Span| {
        let (step, rest, backward) = match span.work {
            Work::Step(first, pass) => (Some(of(first)), "", pass == Pass::Backward),
            Work::Rest(what) => (None, what, false),
        };
        let times = span.images as u64 * if backward { 2 } else { 1 };
        Event {
            name: step.map_or_else(|| rest.to_owned(), |s| s.name.clone()),
            method: step.map_or("rest", |s| s.method),
            plan: what,
            backward,
            thread,
            start: span.start,
            seconds: span.seconds,
            images: span.images,
            multiply_adds: step.map_or(0, |s| s.multiply_adds * times),
            bytes: step.map_or(0, |s| s.bytes * span.images as u64),
        }
    };
    clock.take_spans().into_iter().map(event).collect()
}

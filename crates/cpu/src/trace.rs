//! What ran when, on which thread: the events behind `modiste bench --trace`.

use crate::clock::{Clock, Pass, Span, Work};
use crate::plan::Plan;
use crate::profile::{Profile, StepProfile};
use std::time::Instant;

/// One step, or what lies between steps, on one thread.
#[derive(Clone, Debug)]
pub struct Event {
    /// The step's name as in [`StepProfile`]; of the rest `filters`, `conversion`, `loss`, `adam`.
    pub name: String,
    /// The step's method; `rest` for the rest.
    pub method: &'static str,
    /// Which plan the step belongs to: `training` or `prediction`.
    pub plan: &'static str,
    /// Whether it is the step's way back.
    pub backward: bool,
    /// The thread; all threads work together on training steps, which the first one speaks for.
    pub thread: usize,
    /// When it began.
    pub start: Instant,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Images that it took.
    pub images: usize,
    /// Multiply-adds as the direct method counts them; backwards twice those of the way forwards.
    pub multiply_adds: u64,
    /// Bytes that the way forwards must read and write at least.
    pub bytes: u64,
}

/// The events of one thread's clock, which forgets them.
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

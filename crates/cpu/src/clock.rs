//! Times of steps, and the spans of a trace.

use crate::plan::Plan;
use std::time::Instant;

/// The time of each step since the last reset.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// Seconds of each step, forward and backward.
    pub steps: Vec<[f64; 2]>,
    /// Seconds outside steps.
    pub rest: f64,
    started: Instant,
    /// Images of the current pass.
    pub images: usize,
    /// All spans of time, while tracing.
    spans: Option<Vec<Span>>,
}

/// Direction of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Forward = 0,
    Backward = 1,
}

/// A recorded span of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub work: Work,
    pub images: usize,
    pub start: Instant,
    pub seconds: f64,
}

/// The work done in a span of time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// A group of steps, given by its first step.
    Step(usize, Pass),
    /// Work outside steps.
    Rest(&'static str),
}

impl Clock {
    pub fn new(plan: &Plan) -> Self {
        Self {
            steps: vec![[0.0; 2]; plan.steps.len()],
            rest: 0.0,
            started: Instant::now(),
            images: 0,
            spans: None,
        }
    }

    /// Starts or stops recording spans of time.
    pub fn trace(&mut self, on: bool) {
        self.spans = on.then(Vec::new);
    }

    /// The spans recorded since the last call.
    pub fn take_spans(&mut self) -> Vec<Span> {
        self.spans.as_mut().map_or_else(Vec::new, std::mem::take)
    }

    pub fn reset(&mut self) {
        self.steps.fill([0.0; 2]);
        self.rest = 0.0;
    }

    /// Adds another clock's times.
    pub fn add(&mut self, other: &Clock) {
        for (sum, other) in self.steps.iter_mut().flatten().zip(other.steps.iter().flatten()) {
            *sum += other;
        }
        self.rest += other.rest;
    }

    /// Starts measuring.
    pub fn start(&mut self) {
        self.started = Instant::now();
    }

    /// Attributes the time since the last call to a step.
    pub fn step(&mut self, step: usize, pass: Pass) {
        self.steps[step][pass as usize] += self.lap(Work::Step(step, pass));
    }

    /// Attributes the time since the last call to work outside steps: filters, conversion, loss, update.
    pub fn rest(&mut self, what: &'static str) {
        self.rest += self.lap(Work::Rest(what));
    }

    fn lap(&mut self, work: Work) -> f64 {
        let now = Instant::now();
        let seconds = now.duration_since(self.started).as_secs_f64();
        let (start, images) = (self.started, self.images);
        if let Some(spans) = &mut self.spans {
            spans.push(Span { work, images, start, seconds });
        }
        self.started = now;
        seconds
    }
}

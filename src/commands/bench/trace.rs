//! A trace of steps in Chrome's format of trace events (JSON, array of complete events), which
//! Perfetto and `chrome://tracing` open: each plan is a process, and each of its threads a row.

use std::path::Path;
use std::time::Instant;

use modiste_cpu::{CpuEngine, Event};
use modiste_files::atomic_write;
use modiste_spec::Engine;
use modiste_spec::engine::{Optimiser, Weights};
use serde_json::{Value, json};

use super::{Steps, noise};

/// The processes of a trace.
const PLANS: [&str; 2] = ["training", "prediction"];
/// How often each kind of work is traced.
const REPEATS: usize = 3;

/// Trains and predicts a few more times, records every step, and writes the trace.
pub(super) fn record(
    engine: &mut CpuEngine,
    batch: usize,
    optimiser: Optimiser,
    path: &Path,
) -> anyhow::Result<()> {
    let (images, _) = noise(engine, batch);
    let mut steps = Steps::new(engine, batch, optimiser);
    engine.trace(true);
    let begun = Instant::now();
    for _ in 0..REPEATS {
        steps.advance(engine)?;
        engine.predict(&images, Weights::Current)?;
        engine.predict(&images[..images.len() / batch], Weights::Current)?;
    }
    let events = engine.events();
    engine.trace(false);
    let text = serde_json::to_string(&document(&events, begun))?;
    Ok(atomic_write(path, text.as_bytes())?)
}

fn document(events: &[Event], begun: Instant) -> Value {
    let mut rows: Vec<(usize, usize)> = events.iter().map(|e| (process(e), e.thread)).collect();
    rows.sort_unstable();
    rows.dedup();
    let names = PLANS.iter().enumerate().map(|(i, name)| named("process_name", i + 1, 0, name));
    let threads = rows.into_iter().map(|(pid, tid)| {
        let name = if pid == 1 { "all threads".to_owned() } else { format!("thread {tid}") };
        named("thread_name", pid, tid, &name)
    });
    let all: Vec<Value> =
        names.chain(threads).chain(events.iter().map(|e| complete(e, begun))).collect();
    json!({ "traceEvents": all, "displayTimeUnit": "ms" })
}

fn process(event: &Event) -> usize {
    1 + PLANS.iter().position(|&plan| plan == event.plan).expect("a plan has a name here")
}

fn named(kind: &str, pid: usize, tid: usize, name: &str) -> Value {
    json!({ "name": kind, "ph": "M", "pid": pid, "tid": tid, "args": { "name": name } })
}

/// A complete event; times in microseconds.
fn complete(event: &Event, begun: Instant) -> Value {
    let Event { name, method, multiply_adds, bytes, images, seconds, .. } = event;
    let mut args = json!({ "images": images });
    if *multiply_adds > 0 {
        args["multiply_adds"] = json!(multiply_adds);
        args["gflops_of_the_direct_method"] = json!(2e-9 * *multiply_adds as f64 / seconds);
    }
    if *bytes > 0 {
        args["bytes_forward_at_least"] = json!(bytes);
    }
    json!({
        "name": if event.backward { format!("{name} (back)") } else { name.clone() },
        "cat": method,
        "ph": "X",
        "ts": 1e6 * event.start.saturating_duration_since(begun).as_secs_f64(),
        "dur": 1e6 * seconds,
        "pid": process(event),
        "tid": event.thread,
        "args": args,
    })
}

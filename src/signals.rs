//! Ctrl-C and termination signals: recorded here, obeyed where all work can be saved.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use crate::output;

static STOP: AtomicBool = AtomicBool::new(false);
static LISTENING: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT, SIGTERM and SIGHUP do not end the process but set [`stop`], which all long work
/// checks. A second signal changes nothing: files being written are completed. Calling this again has
/// no effect.
pub fn listen() -> anyhow::Result<()> {
    if LISTENING.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    ctrlc::set_handler(|| {
        if !STOP.swap(true, Ordering::Relaxed) {
            output::note("modiste: stopping; writing the checkpoint");
        }
    })
    .context("failed to listen for signals")
}

/// True once the user or the system asked to stop.
pub fn stop() -> &'static AtomicBool {
    &STOP
}

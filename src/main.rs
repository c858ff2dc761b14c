//! `modiste` trains, evaluates and explains small image classifiers on a CPU.
//!
//! The binary only translates: what was typed ([`cli`]) becomes what it means, a command
//! ([`commands`]) hands that to the crates, and what comes back becomes text, JSON and an exit
//! status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

// A reader that went away ends no work: see `output`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;
mod commands;
mod engine;
mod failure;
mod machine;
mod output;
mod ranks;
mod signals;
mod watch;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => ranks::end(commands::run(cli.command)),
        Err(error) => ranks::wrong_usage(&error),
    }
}

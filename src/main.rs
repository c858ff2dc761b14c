//! `modiste` trains, evaluates and explains small image classifiers on a CPU.
//!
//! The binary parses arguments ([`cli`]), calls the crates ([`commands`]) and turns their results into
//! text, JSON and an exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

// All output goes through `output`, so that work continues when the reader of a pipe is gone.
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

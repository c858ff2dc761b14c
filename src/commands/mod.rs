//! The commands: each turns its arguments into objects and runs them.

mod ablate;
mod baseline;
mod baseline_text;
mod bench;
mod check;
mod data;
mod devices;
mod diagram;
mod drawing;
mod element;
mod evaluate;
mod explain;
mod export;
mod grid;
mod licences;
mod loaded;
mod memory;
mod model;
mod predict;
mod report;
mod reproduce;
mod search;
mod serve;
mod settings;
mod status;
mod suit;
mod summary;
mod train;
mod trials;
mod verdicts;
mod verify;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::output;

/// Runs one command.
pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Train(args) => train::run(*args),
        Command::Grid(args) => grid::run(*args),
        Command::Search(args) => search::run(*args),
        Command::Ablate(args) => ablate::run(*args),
        Command::Reproduce(args) => reproduce::run(*args),
        Command::Status(args) => status::run(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Predict(args) => predict::run(*args),
        Command::Explain(args) => explain::run(args),
        Command::Export(args) => export::run(*args),
        Command::Report(args) => report::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Summary(args) => summary::run(args),
        Command::Baseline(command) => baseline::run(command),
        Command::Diagram(args) => diagram::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Data(command) => data::run(command),
        Command::Devices { json } => devices::run(json),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "modiste", &mut script);
            Ok(output::print_raw(&String::from_utf8_lossy(&script))?)
        }
        Command::Licences => licences::run(),
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            Ok(output::print_raw(&String::from_utf8_lossy(&page))?)
        }
    }
}

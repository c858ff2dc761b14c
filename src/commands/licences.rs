//! `modiste licences`: the licences of everything in the binary.

use crate::failure::Failure;
use crate::output;

/// Written by `licences/make.py`; continuous integration compares it with `Cargo.lock`.
const THIRD_PARTY: &str = include_str!("../../licences/third-party.txt");
const OWN: [&str; 2] = [include_str!("../../LICENSE-MIT"), include_str!("../../LICENSE-APACHE")];

/// Prints modiste's own licences, then those of other crates.
pub fn run() -> Result<(), Failure> {
    let [mit, apache] = OWN;
    Ok(output::print(&format!("{mit}\n{apache}\n{THIRD_PARTY}"))?)
}

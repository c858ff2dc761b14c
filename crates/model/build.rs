//! Notes the commit that is built, for `environment.json`; without git it stays unknown.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=MODISTE_COMMIT");
    println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    if std::env::var_os("MODISTE_COMMIT").is_some() {
        return;
    }
    let Ok(output) = Command::new("git").args(["rev-parse", "HEAD"]).output() else { return };
    let commit = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        println!("cargo::rustc-env=MODISTE_COMMIT={}", commit.trim());
    }
}

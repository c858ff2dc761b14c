//! `docs/configuration.md` agrees with the table of fields.

use std::path::{Path, PathBuf};

use modiste_train::configuration_page;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md")
}

#[test]
fn the_page_about_the_configuration_is_up_to_date() {
    let page = std::fs::read_to_string(path()).unwrap();
    let again = "cargo test -p modiste-train --test configuration_page -- --ignored";
    assert!(page == configuration_page(), "docs/configuration.md is out of date; run {again}");
}

#[test]
#[ignore = "writes docs/configuration.md"]
fn write_the_page() {
    std::fs::write(path(), configuration_page()).unwrap();
}

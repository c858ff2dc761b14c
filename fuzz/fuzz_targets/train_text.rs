//! Configurations, complete or applied to a preset, and tables of metrics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use modiste_model::{parse_metrics, write_metrics};
use modiste_train::Config;

fuzz_target!(|text: &str| {
    let mut config = Config::swift();
    if config.overlay(text, "file").is_ok() && config.check().is_ok() {
        assert_eq!(Config::parse(&config.to_toml(), "copy").unwrap(), config);
    }
    if let Err(error) = Config::parse(text, "file") {
        let error = error.to_string();
        assert!(error.starts_with("file") && !error.contains('\n'), "{error}");
    }
    if let Ok(rows) = parse_metrics(text, "file") {
        let copy = write_metrics(&rows);
        assert_eq!(write_metrics(&parse_metrics(&copy, "copy").unwrap()), copy);
    }
});

//! Model files give a model that survives writing and reading, or an error that names the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use modiste_model::parse_model;

fuzz_target!(|bytes: &[u8]| match parse_model(bytes, "dir/file") {
    Ok(model) => assert_eq!(parse_model(&model.to_bytes(), "copy").unwrap(), model),
    Err(error) => assert!(error.to_string().starts_with("dir/file: ")),
});

//! csv files: labels, or an error that names the file; and a submission holds what was filled in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use modiste_data::{fill_submission, parse_labels_csv};

fuzz_target!(|bytes: &[u8]| {
    match parse_labels_csv(bytes, "dir/file") {
        Ok(labels) => {
            let new: Vec<u16> = labels.iter().map(|label| label.wrapping_add(1)).collect();
            let filled = fill_submission(bytes, "dir/file", &new).expect("as many rows");
            assert_eq!(parse_labels_csv(&filled, "filled").expect("what was written"), new);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("dir/file: ") && !text.contains('\n'), "{text}");
        }
    }
});

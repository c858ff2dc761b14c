//! csv files give labels or an error that names the file, and a filled submission holds the values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use modiste_data::{fill_submission, parse_labels_csv};

fuzz_target!(|bytes: &[u8]| {
    match parse_labels_csv(bytes, "dir/file") {
        Ok(labels) => {
            let new: Vec<u16> = labels.iter().map(|label| label.wrapping_add(1)).collect();
            match fill_submission(bytes, "dir/file", &new) {
                Ok(filled) => {
                    let read = parse_labels_csv(&filled, "filled").expect("what was written");
                    assert_eq!(read, new);
                }
                // The number of rows fits, so only repeated or decreasing ids are refused.
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.starts_with("dir/file: row ") && text.contains(": id "), "{text}");
                }
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("dir/file: ") && !text.contains('\n'), "{text}");
        }
    }
});

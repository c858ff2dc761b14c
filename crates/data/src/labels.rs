//! Turns labels as written into classes: words, or numbers from 0 or 1, with or without gaps.

use std::collections::{BTreeSet, HashMap};

use crate::DataError;

/// With at least this many labels, mostly different ones are treated as names or measurements, not as
/// classes.
const MANY: usize = 40;

/// The classes of training labels read from `file`: numbers in numeric order, otherwise words in order.
///
/// # Errors
/// If there are fewer than two, more than 65,535, or nearly as many as images.
pub(crate) fn classes(labels: &[String], file: &str) -> Result<Vec<String>, DataError> {
    let distinct: BTreeSet<&str> = labels.iter().map(String::as_str).collect();
    let count = distinct.len();
    let fail = |problem: &str| Err(DataError::file(file, problem));
    if count == 0 {
        return fail("holds no label");
    }
    if count == 1 {
        return fail("holds only one class");
    }
    if count > usize::from(u16::MAX) || (labels.len() >= MANY && 2 * count > labels.len()) {
        let images = labels.len();
        let problem = format!(
            "has {count} different labels for {images} images; give the column of the classes with \
             --label-column"
        );
        return fail(&problem);
    }
    let mut classes: Vec<String> = distinct.into_iter().map(str::to_owned).collect();
    if classes.iter().all(|class| class.parse::<i64>().is_ok()) {
        classes.sort_by_key(|class| class.parse::<i64>().unwrap_or_default());
    }
    Ok(classes)
}

/// The class index of each label.
///
/// # Errors
/// If a label is not one of `classes`.
pub(crate) fn number(
    labels: &[String],
    classes: &[String],
    file: &str,
) -> Result<Vec<u16>, DataError> {
    let known: HashMap<&str, u16> = classes.iter().map(String::as_str).zip(0..=u16::MAX).collect();
    let find = |(i, label): (usize, &String)| {
        known.get(label.as_str()).copied().ok_or_else(|| {
            let count = classes.len();
            let problem = format!("label {label} of image {i} is not among {count} classes");
            DataError::file(file, problem)
        })
    };
    labels.iter().enumerate().map(find).collect()
}

/// A label without surrounding space or quotes; whole numbers lose an empty fraction (`9.0`).
pub(crate) fn clean(text: &str) -> String {
    let text = text.trim();
    let whole = text.strip_suffix(".0").filter(|whole| whole.parse::<i64>().is_ok());
    whole.unwrap_or(text).to_owned()
}

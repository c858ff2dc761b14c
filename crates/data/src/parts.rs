//! Recognises by name which part of the data a file or folder is.

use crate::dataset::PartName;

/// Words for each part.
const WORDS: [(&str, PartName); 10] = [
    ("train", PartName::Train),
    ("training", PartName::Train),
    ("val", PartName::Validation),
    ("valid", PartName::Validation),
    ("validation", PartName::Validation),
    ("dev", PartName::Validation),
    ("test", PartName::Test),
    ("testing", PartName::Test),
    ("t10k", PartName::Test),
    ("holdout", PartName::Test),
];

/// The part that the name of a folder, or a value in a column of parts, stands for.
pub(crate) fn named(name: &str) -> Option<PartName> {
    let name = name.trim().to_lowercase();
    WORDS.iter().find(|(word, _)| *word == name).map(|(_, part)| *part)
}

/// The part in a longer name, such as `fashion-mnist_train.csv` or `X_val`.
pub(crate) fn within(name: &str) -> Option<PartName> {
    words(name).iter().find_map(|word| {
        // As in `xtrain` and `trainX`.
        let short = word.strip_prefix(['x', 'y']).unwrap_or(word);
        let stem = word.strip_suffix(['x', 'y']).unwrap_or(word);
        [word.as_str(), short, stem].into_iter().find_map(named)
    })
}

/// The words of a name in lower case.
pub(crate) fn words(name: &str) -> Vec<String> {
    let parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(str::to_lowercase).collect()
}

/// The index of a part among the three.
pub(crate) fn slot(part: PartName) -> usize {
    match part {
        PartName::Train => 0,
        PartName::Validation => 1,
        PartName::Test => 2,
    }
}

//! Short names of fields, and folder names made of them.

use modiste_train::FIELDS;

/// The shortest unique end of a field's path: `length` for `network.length`, but `schedule.patience`,
/// because early stopping has a patience, too.
pub fn label(path: &str) -> &str {
    let starts = path.rmatch_indices('.').map(|(dot, _)| &path[dot + 1..]);
    let is_end = |field: &str, end: &str| {
        field == end || field.strip_suffix(end).is_some_and(|head| head.ends_with('.'))
    };
    let unique = |end: &&str| FIELDS.iter().filter(|field| is_end(field.path, end)).count() < 2;
    starts.into_iter().find(unique).unwrap_or(path)
}

/// A name for a folder, of labels and values: `length=3,width=4,seed=0`.
///
/// In a value, a comma becomes `+`, and characters that some systems do not allow become `-`.
pub fn file_name<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let plain = |c: char| match c {
        ',' => '+',
        '=' | '.' | '_' | '+' | '-' => c,
        c if c.is_ascii_alphanumeric() => c,
        _ => '-',
    };
    let setting = |(label, value): (&str, &str)| {
        let value: String = value.chars().map(plain).collect();
        format!("{label}={value}")
    };
    settings.into_iter().map(setting).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use modiste_train::Config;

    use super::*;

    #[test]
    fn labels_are_as_short_as_they_can_be() {
        assert_eq!(label("network.length"), "length");
        assert_eq!(label("training.seed"), "seed");
        assert_eq!(label("training.schedule.patience"), "schedule.patience");
        for path in FIELDS.iter().map(|field| field.path) {
            let mut config = Config::paper();
            // Fields of other schedules have labels, too.
            if let Err(error) = config.set(label(path), "?") {
                assert!(error.to_string().starts_with(path), "{path}: {error}");
            }
        }
    }

    #[test]
    fn names_are_valid_folder_names() {
        let name = file_name([("dropout_places", "reduction,dense"), ("split", "paper:fold=1/5")]);
        assert_eq!(name, "dropout_places=reduction+dense,split=paper-fold=1-5");
        assert_eq!(file_name([("source", "/a b/ü")]), "source=-a-b--");
    }
}

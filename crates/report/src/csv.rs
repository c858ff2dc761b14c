//! The worst mistakes as a csv file.

use modiste_metrics::Mistake;
use modiste_model::{csv_text, guarded};

/// The mistakes, one per line, after a header: index, truth, prediction (class indices),
/// probability of the prediction, probability of the truth, the names of both classes, and the
/// image's name in `files` (empty if it has none).
pub fn mistakes_csv(mistakes: &[Mistake], classes: &[String], files: &[String]) -> String {
    let header = [
        "index",
        "truth",
        "prediction",
        "probability",
        "truth_probability",
        "truth_name",
        "prediction_name",
        "file",
    ];
    let name = |class: u16| {
        classes.get(usize::from(class)).map_or_else(String::new, |name| guarded(name).into_owned())
    };
    let row = |(i, mistake): (usize, &Mistake)| {
        let Mistake { index, truth, prediction, probability, truth_probability } = mistake;
        [
            index.to_string(),
            truth.to_string(),
            prediction.to_string(),
            probability.to_string(),
            format!("{truth_probability:e}"),
            name(*truth),
            name(*prediction),
            files.get(i).map_or_else(String::new, |file| guarded(file).into_owned()),
        ]
    };
    csv_text(std::iter::once(header.map(str::to_owned)).chain(mistakes.iter().enumerate().map(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        let mistake = |prediction, truth_probability| Mistake {
            index: 7,
            truth: 0,
            prediction,
            probability: 0.75,
            truth_probability,
        };
        let classes = ["T-shirt/top", "a \"b\", c"].map(String::from);
        let files = ["a/1, 2.png".to_owned()];
        let text = mistakes_csv(&[mistake(1, 0.25), mistake(9, 1e-30)], &classes, &files);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1], r#"7,0,1,0.75,2.5e-1,T-shirt/top,"a ""b"", c","a/1, 2.png""#);
        assert_eq!(lines[2], "7,0,9,0.75,1e-30,T-shirt/top,,");
    }
}

//! The worst mistakes as csv (RFC 4180, lines ended by a line feed).

use std::fmt::Write;

use modiste_metrics::Mistake;

/// The mistakes, one per line, after a header: index, truth, prediction (class indices), probability
/// of the prediction, probability of the truth, and the names of both classes.
pub fn mistakes_csv(mistakes: &[Mistake], classes: &[String]) -> String {
    let mut text = String::from(
        "index,truth,prediction,probability,truth_probability,truth_name,prediction_name\n",
    );
    let name = |class: u16| field(classes.get(usize::from(class)).map_or("", String::as_str));
    for mistake in mistakes {
        let Mistake { index, truth, prediction, probability, truth_probability } = mistake;
        let names = format!("{},{}", name(*truth), name(*prediction));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{index},{truth},{prediction},{probability},{truth_probability:e},{names}"
        );
    }
    text
}

/// A field, in quotes where it must be.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_string()
    }
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
        let text = mistakes_csv(&[mistake(1, 0.25), mistake(9, 1e-30)], &classes);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1], r#"7,0,1,0.75,2.5e-1,T-shirt/top,"a ""b"", c""#);
        assert_eq!(lines[2], "7,0,9,0.75,1e-30,T-shirt/top,");
    }
}

//! The table of a baseline: our result, published results, the paper's network.

use modiste_baselines::BaselineResult;
use modiste_paper::PUBLISHED_BEST;
use modiste_views::{Table, grouped};

/// The table, followed by times and facts.
pub fn text(result: &BaselineResult) -> String {
    let headings =
        ["classifier", "measured by", "part", "accuracy", "95 % interval", "images", "trained on"];
    let mut table = Table::new(3, headings);
    for part in &result.parts {
        let [low, high] = part.accuracy_interval;
        table.row([
            result.baseline.clone(),
            "this run".to_owned(),
            part.part.to_string(),
            format!("{:.4}", part.accuracy),
            format!("{low:.4} to {high:.4}"),
            grouped(part.images as u64),
            grouped(result.train_images as u64),
        ]);
    }
    for published in &result.published {
        table.row([
            published.name.clone(),
            published.source.clone(),
            published.part.clone(),
            format!("{:.3}", published.accuracy),
            String::new(),
            grouped(published.images as u64),
            grouped(published.train_images as u64),
        ]);
    }
    let accuracy = format!("{:.3}", PUBLISHED_BEST.validation_accuracy);
    table.row(["the paper's network", "the paper", "validation", &accuracy]);
    let seconds = result.seconds;
    let facts: Vec<String> =
        result.facts.iter().map(|(name, fact)| fact_text(name, fact)).collect();
    format!(
        "{} on {}, split {}\n\n{table}\ntrained in {:.1} s, predicted in {:.1} s; {}\n",
        result.baseline,
        result.data,
        result.split,
        seconds.train,
        seconds.predict,
        facts.join(", "),
    )
}

/// A fact such as `support vectors 2,771`.
fn fact_text(name: &str, fact: &serde_json::Value) -> String {
    let value = match (fact.as_u64(), fact.as_f64()) {
        (Some(whole), _) => grouped(whole),
        (None, Some(number)) => format!("{number:.6}"),
        (None, None) => fact.to_string(),
    };
    format!("{} {value}", name.replace('_', " "))
}

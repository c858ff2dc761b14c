//! Formats verdicts on claims as text.

use modiste_paper::{Side, VERDICT_RULE, Verdict};
use modiste_views::Table;

/// The columns of a table of verdicts.
pub const HEADINGS: [&str; 6] = ["claim", "verdict", "measured", "95 % interval", "bound", "n"];

/// A table with one row per verdict, and the rule.
pub fn text(verdicts: &[Verdict]) -> String {
    let mut table = Table::new(2, HEADINGS);
    for verdict in verdicts {
        table.row(cells(verdict));
    }
    format!("{table}\n{VERDICT_RULE}\n")
}

/// The cells of a verdict under [`HEADINGS`].
pub fn cells(verdict: &Verdict) -> [String; 6] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let side = match verdict.side {
        Side::Above => ">",
        Side::Below => "<",
    };
    [
        verdict.claim.clone(),
        verdict.outcome.to_string(),
        or_dash(verdict.value.map(|value| format!("{value:+.4}"))),
        or_dash(verdict.interval.map(|[low, high]| format!("{low:+.4} to {high:+.4}"))),
        format!("{side} {}", (verdict.bound * 1e4).round() / 1e4),
        verdict.n.to_string(),
    ]
}

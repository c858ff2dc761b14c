//! The query of a request.

use std::str::FromStr;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use modiste_data::photo::Background;

use crate::refusal::Refusal;

/// The names and values of a query.
pub(crate) type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// Passes each name and value to `take`, which returns false for an unknown name; `known` lists the
/// names for the client.
///
/// # Errors
/// 400 for an unknown name, and the errors of `take`.
pub(crate) fn each(
    pairs: Pairs,
    known: &str,
    mut take: impl FnMut(&str, &str) -> Result<bool, Refusal>,
) -> Result<(), Refusal> {
    let Query(pairs) = pairs.map_err(|_| Refusal::bad("the query cannot be read"))?;
    for (name, value) in pairs {
        if !take(&name, &value)? {
            return Err(Refusal::bad(format!(
                "the query has an unknown parameter; known parameters: {known}"
            )));
        }
    }
    Ok(())
}

/// Parses a value.
///
/// # Errors
/// 400 with the text `wrong` if it cannot be parsed.
pub(crate) fn value<T: FromStr>(text: &str, wrong: &str) -> Result<Option<T>, Refusal> {
    text.parse().map(Some).map_err(|_| Refusal::bad(wrong))
}

/// Parses a background.
///
/// # Errors
/// 400 if it is not a background.
pub(crate) fn background(text: &str) -> Result<Option<Background>, Refusal> {
    value(text, "background is not auto, bright, dark or keep")
}

//! What stands behind the `?` of a request.

use std::str::FromStr;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use modiste_data::photo::Background;

use crate::refusal::Refusal;

/// Names and values, or why there are none.
pub(crate) type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// Hands each name and value to `take`, which says false where it does not know the name; `known`
/// tells the client which names there are.
///
/// # Errors
/// 400 for an unknown name, and what `take` says of a value.
pub(crate) fn each(
    pairs: Pairs,
    known: &str,
    mut take: impl FnMut(&str, &str) -> Result<bool, Refusal>,
) -> Result<(), Refusal> {
    let Query(pairs) = pairs.map_err(|_| Refusal::bad("what stands behind the ? is no query"))?;
    for (name, value) in pairs {
        if !take(&name, &value)? {
            return Err(Refusal::bad(format!("the query has an unknown name; known: {known}")));
        }
    }
    Ok(())
}

/// A value that was read, or `wrong`.
///
/// # Errors
/// 400 with `wrong` if it cannot be read.
pub(crate) fn value<T: FromStr>(text: &str, wrong: &str) -> Result<Option<T>, Refusal> {
    text.parse().map(Some).map_err(|_| Refusal::bad(wrong))
}

/// A background.
///
/// # Errors
/// 400 if it is none.
pub(crate) fn background(text: &str) -> Result<Option<Background>, Refusal> {
    value(text, "background is not auto, bright, dark or keep")
}

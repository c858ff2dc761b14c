//! Compares lists of tensors, value by value or as a whole.

use super::settings::Tolerance;
use crate::Values;
use modiste_spec::engine::{EngineError, Tensor};

/// A difference between an engine and the reference; names the tensor, the position and both values.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(pub(super) String);

impl From<EngineError> for Mismatch {
    fn from(error: EngineError) -> Self {
        Self(format!("refused: {error}"))
    }
}

/// `tensors` in f64, each value changed by `f` (tensor, index, value).
pub(super) fn widened(tensors: &[Tensor], f: impl Fn(usize, usize, f64) -> f64) -> Vec<Values> {
    let wide = |(t, tensor): (usize, &Tensor)| {
        let values = tensor.values.iter().enumerate();
        let values = values.map(|(i, &v)| f(t, i, f64::from(v))).collect();
        Values { name: tensor.name.clone(), shape: tensor.shape.clone(), values }
    };
    tensors.iter().enumerate().map(wide).collect()
}

/// The scale of tensors that are all zeros in the reference: in f32, values that cancel leave a rounding
/// error.
const SCALE_OF_ZEROS: f64 = 1e-4;

/// Compares value by value; errors are relative to the tensor's largest value, which counts as at
/// least `floor` of the largest of all.
pub(super) fn compare_values(
    what: &str,
    found: &[Values],
    expected: &[Values],
    allowed: f64,
    floor: f64,
) -> Result<(), Mismatch> {
    check_names(what, found, expected)?;
    let largest = |t: &Values| t.values.iter().fold(0f64, |a, v| a.max(v.abs()));
    let most = expected.iter().map(largest).fold(0.0, f64::max);
    let floor = if most == 0.0 { SCALE_OF_ZEROS } else { floor * most };
    for (found, expected) in found.iter().zip(expected) {
        let scale = largest(expected).max(floor);
        for (i, (&f, &e)) in found.values.iter().zip(&expected.values).enumerate() {
            let error = if f == e { 0.0 } else { (f - e).abs() / scale };
            if error.is_nan() || error > allowed {
                return Err(Mismatch(format!(
                    "{what} of {}[{i}]: {f:e}, the reference has {e:e} \
                     (error {error:.1e} of the largest, {scale:.3e})",
                    expected.name
                )));
            }
        }
    }
    Ok(())
}

/// Compares the results of steps by norms: each tensor loosely, all together by [`Tolerance::steps`].
pub(super) fn compare_norms(
    what: &str,
    found: &[Values],
    expected: &[Values],
    allowed: f64,
    floor: f64,
) -> Result<(), Mismatch> {
    check_names(what, found, expected)?;
    let pairs = found.iter().zip(expected);
    let differences = pairs.map(|(f, e)| {
        let differences = f.values.iter().zip(&e.values).map(|(f, e)| f - e).collect::<Vec<_>>();
        Difference { name: &e.name, size: norm(&differences), norm: norm(&e.values) }
    });
    check_differences(what, &differences.collect::<Vec<_>>(), allowed, floor)
}

/// The error of a tensor as a whole.
pub(super) struct Difference<'a> {
    /// The tensor's name.
    pub name: &'a str,
    /// Norm of the difference.
    pub size: f64,
    /// Norm of the expected values.
    pub norm: f64,
}

/// Checks each tensor loosely, and all together; a norm counts as at least `floor` of the largest.
pub(super) fn check_differences(
    what: &str,
    differences: &[Difference<'_>],
    allowed: f64,
    floor: f64,
) -> Result<(), Mismatch> {
    let off = |name: &str, size: f64, norm: f64, allowed: f64| {
        let error = if size == 0.0 { 0.0 } else { size / norm };
        match error <= allowed {
            true => Ok(()),
            false => Err(Mismatch(format!(
                "{what} of {name}: off by {error:.1e} of its norm {norm:.3e}"
            ))),
        }
    };
    let floor = floor * differences.iter().fold(0f64, |a, d| a.max(d.norm));
    for d in differences {
        off(d.name, d.size, d.norm.max(floor), Tolerance::LOOSE * allowed)?;
    }
    let sizes: Vec<f64> = differences.iter().map(|d| d.size).collect();
    let norms: Vec<f64> = differences.iter().map(|d| d.norm).collect();
    off("all tensors", norm(&sizes), norm(&norms), allowed)
}

/// The Euclidean norm.
pub(super) fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn check_names(what: &str, found: &[Values], expected: &[Values]) -> Result<(), Mismatch> {
    if found.len() != expected.len() {
        let (f, e) = (found.len(), expected.len());
        return Err(Mismatch(format!("{what}: {f} tensors, the reference has {e}")));
    }
    for (found, expected) in found.iter().zip(expected) {
        if found.name != expected.name || found.values.len() != expected.values.len() {
            let (found, expected) = (&found.name, &expected.name);
            return Err(Mismatch(format!(
                "{what}: {found} is found instead of {expected} belongs"
            )));
        }
    }
    Ok(())
}

/// Compares the loss of a step.
pub(super) fn compare_loss(
    what: &str,
    found: f64,
    expected: f64,
    allowed: f64,
) -> Result<(), Mismatch> {
    let error = (found - expected).abs() / expected.abs();
    match error <= allowed {
        true => Ok(()),
        false => Err(Mismatch(format!("{what}: {found}, expected {expected}"))),
    }
}

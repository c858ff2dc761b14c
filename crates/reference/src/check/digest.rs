//! Summarises a tensor in a few numbers, as the golden files store it.

use super::compare::{Difference, Mismatch, norm};

/// Tensors of up to this many values are stored whole.
const WHOLE: usize = 192;
/// Number of values stored of a larger tensor, evenly spread.
const SPREAD: usize = 64;

/// Largest absolute value, Euclidean norm, projection on fixed weights, and sampled values. Every
/// value of the tensor affects the norm and the projection.
#[derive(Clone, Debug)]
pub struct Digest {
    /// The tensor's name.
    pub name: String,
    /// Largest absolute value.
    pub largest: f64,
    norm: f64,
    projection: f64,
    sample: Vec<f64>,
}

impl Digest {
    /// The digest of `values`.
    pub fn of(name: &str, values: &[f64]) -> Self {
        let weighted = values.iter().enumerate().map(|(i, v)| projection_weight(i) * v);
        Self {
            name: name.into(),
            largest: values.iter().fold(0f64, |a, v| a.max(v.abs())),
            norm: norm(values),
            projection: weighted.sum(),
            sample: sampled(values.len()).map(|i| values[i]).collect(),
        }
    }

    /// A digest from a golden file: the three figures, then the sample.
    pub(super) fn stored(name: &str, numbers: &[f64]) -> Self {
        let [largest, norm, projection, ref sample @ ..] = *numbers else {
            panic!("the digest of {name} has {} numbers", numbers.len());
        };
        Self { name: name.into(), largest, norm, projection, sample: sample.to_vec() }
    }

    /// The error of the sampled values as a whole.
    pub(super) fn difference(&self, values: &[f64]) -> Difference<'_> {
        let pairs = sampled(values.len()).zip(&self.sample);
        let differences: Vec<f64> = pairs.map(|(i, expected)| values[i] - expected).collect();
        Difference { name: &self.name, size: norm(&differences), norm: norm(&self.sample) }
    }

    /// Compares `values` with the original ones. Errors are relative to the largest value, or to
    /// `floor` if that is larger; those of the two sums are relative to that times the root of the
    /// count, the size of the sum of independent errors.
    ///
    /// # Errors
    /// Name the first number that differs by more than `allowed`.
    pub fn check(
        &self,
        what: &str,
        values: &[f64],
        allowed: f64,
        floor: f64,
    ) -> Result<(), Mismatch> {
        let (found, name) = (Self::of(&self.name, values), &self.name);
        if found.sample.len() != self.sample.len() {
            return Err(Mismatch(format!("{what} of {name}: another size than PyTorch's")));
        }
        let scale = self.largest.max(floor);
        let expect = |place: String, f: f64, e: f64, scale: f64| {
            let error = if f == e { 0.0 } else { (f - e).abs() / scale };
            match error <= allowed {
                true => Ok(()),
                false => Err(Mismatch(format!(
                    "{what} of {name}{place}: {f:e}, PyTorch has {e:e} (error {error:.1e} of {scale:.3e})"
                ))),
            }
        };
        for (i, (&f, &e)) in sampled(values.len()).zip(found.sample.iter().zip(&self.sample)) {
            expect(format!("[{i}]"), f, e, scale)?;
        }
        let sums = scale * (values.len() as f64).sqrt();
        expect(", norm".into(), found.norm, self.norm, sums)?;
        expect(", projection".into(), found.projection, self.projection, sums)
    }
}

fn sampled(count: usize) -> impl Iterator<Item = usize> {
    let kept = if count <= WHOLE { count } else { SPREAD };
    (0..kept).map(move |j| j * count / kept)
}

/// A weight between -0.5 and 0.5, without a pattern that a layout shares (1009 is a prime).
fn projection_weight(i: usize) -> f64 {
    (i * 7919 % 1009) as f64 / 1009.0 - 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_any_value_is_seen() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i).sin()).collect();
        let digest = Digest::of("x", &values);
        digest.check("value", &values, 0.0, 0.0).unwrap();
        for i in 0..1000 {
            let mut other = values.clone();
            other[i] += 0.3;
            assert!(digest.check("value", &other, 1e-6, 0.0).is_err(), "{i}");
        }
        let mut swapped = values.clone();
        swapped.swap(501, 502);
        let text = digest.check("value", &swapped, 1e-6, 0.0).unwrap_err().to_string();
        assert!(text.starts_with("value of x, projection: "), "{text}");
        assert!(digest.check("value", &values[..100], 1.0, 0.0).is_err());
    }
}

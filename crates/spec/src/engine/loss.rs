//! The loss that training minimises.

use super::EngineError;

/// Cross-entropy as PyTorch's `cross_entropy` defines it, mean over the batch.
///
/// With class weights w and smoothing e over C classes, the loss of the batch is, for targets that
/// are classes y, `((1 - e) sum_i -w[y_i] log p_i[y_i] + e / C sum_i sum_c -w[c] log p_i[c]) /
/// sum_i w[y_i]`; if all those weights are 0, which gives NaN in PyTorch, loss and gradient are 0.
/// For targets that are shares t of n images it is `sum_i sum_c -w[c] ((1 - e) t_i[c] + e / C) log
/// p_i[c] / n`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loss {
    /// e, from 0 to below 1.
    pub label_smoothing: f64,
    /// w, one per class; `None` for ones.
    pub class_weights: Option<Vec<f32>>,
}

impl Loss {
    /// The weight of a class.
    pub fn weight(&self, class: usize) -> f64 {
        self.class_weights.as_ref().map_or(1.0, |weights| f64::from(weights[class]))
    }

    /// Checks that there is a weight for each of `classes`.
    pub(super) fn check(&self, classes: usize) -> Result<(), EngineError> {
        match &self.class_weights {
            Some(weights) if weights.len() != classes => {
                let text = format!("{} class weights for {classes} classes", weights.len());
                Err(EngineError::Batch(text))
            }
            _ => Ok(()),
        }
    }
}

//! The initial state of a run: random values, or a trained model whose last layer is matched by class.

use std::path::Path;

use modiste_model::{Model, RunFolder};
use modiste_spec::engine::{State, Tensor};
use modiste_spec::{Network, Op};

use crate::TrainError;
use crate::config::TrainingConfig;

/// The state before the first step.
///
/// Takes all parameters of a model except those of its last dense layer; of that layer it takes the rows
/// of the classes that are also in `classes`. All other values are drawn, as for a new run.
pub(super) fn state(
    network: &Network,
    training: &TrainingConfig,
    classes: &[String],
) -> Result<State, TrainError> {
    let mut state = State::initial(network, training.seed);
    if training.from.is_empty() {
        return Ok(state);
    }
    let model = model_at(Path::new(&training.from))?;
    let head = head(network);
    for tensor in &mut state.parameters {
        let old = model.parameters.iter().find(|old| old.name == tensor.name);
        let taken = old.is_some_and(|old| match is_of(&tensor.name, head) {
            true => take_classes(tensor, classes, old, &model.classes),
            false => take(tensor, old),
        });
        if !taken {
            let problem = format!(
                "has another network: it lacks {:?} of shape {:?}",
                tensor.name, tensor.shape
            );
            return Err(TrainError::file(training.from.clone(), problem));
        }
    }
    Ok(state)
}

/// The factor of each parameter's learning rate: 0 in the leading blocks that are frozen; empty if none
/// is frozen.
pub(super) fn rates(network: &Network, frozen: usize) -> Result<Vec<f32>, TrainError> {
    if frozen == 0 {
        return Ok(Vec::new());
    }
    let names: Vec<String> =
        network.parameters().iter().map(|p| block(&p.name).to_owned()).collect();
    let mut blocks = names.clone();
    blocks.dedup();
    if frozen >= blocks.len() {
        let (all, names) = (blocks.len(), blocks.join(", "));
        let problem = format!("{frozen} is not below {all}, the number of blocks ({names})");
        return Err(TrainError::config("training.freeze", problem));
    }
    let rate = |name: &String| if blocks[..frozen].contains(name) { 0.0 } else { 1.0 };
    Ok(names.iter().map(rate).collect())
}

/// The model at `path`: a file, or the best one of a run folder.
pub(crate) fn model_at(path: &Path) -> Result<Model, TrainError> {
    let file = if path.is_dir() { RunFolder::new(path).model() } else { path.to_owned() };
    Ok(Model::load(&file)?)
}

/// The last dense layer, whose outputs are the classes.
fn head(network: &Network) -> &str {
    let dense = network.nodes().iter().rev().find(|node| matches!(node.op, Op::Dense { .. }));
    dense.map_or("", |node| &node.name)
}

/// Whether a parameter belongs to the node of this name.
fn is_of(parameter: &str, node: &str) -> bool {
    parameter.strip_prefix(node).is_some_and(|rest| rest.starts_with('.'))
}

/// The block of a parameter: `stem` for `stem.0.weight`.
fn block(parameter: &str) -> &str {
    parameter.split('.').next().unwrap_or(parameter)
}

/// Copies all values of `old`, if the shapes are equal.
fn take(tensor: &mut Tensor, old: &Tensor) -> bool {
    let fits = tensor.shape == old.shape;
    if fits {
        tensor.values.clone_from(&old.values);
    }
    fits
}

/// Copies the rows (classes, inputs) of `old` for classes of the same name.
fn take_classes(tensor: &mut Tensor, classes: &[String], old: &Tensor, known: &[String]) -> bool {
    let fits = tensor.shape.get(1..) == old.shape.get(1..);
    let row = tensor.values.len() / classes.len().max(1);
    for (at, class) in classes.iter().enumerate().filter(|_| fits) {
        if let Some(from) = known.iter().position(|name| name == class) {
            tensor.values[at * row..][..row].copy_from_slice(&old.values[from * row..][..row]);
        }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
        Tensor { name: "dense.weight".into(), shape: shape.to_vec(), values: values.to_vec() }
    }

    #[test]
    fn a_head_matches_classes_by_name() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let mut new = tensor(&[9.0; 6], &[3, 2]);
        let old = tensor(&[1.0, 2.0, 3.0, 4.0], &[2, 2]);
        assert!(take_classes(&mut new, &names(&["c", "b", "a"]), &old, &names(&["a", "b"])));
        assert_eq!(new.values, [9.0, 9.0, 3.0, 4.0, 1.0, 2.0]);
        assert!(!take_classes(
            &mut tensor(&[0.0; 3], &[1, 3]),
            &names(&["a"]),
            &old,
            &names(&["a"])
        ));
    }
}

//! Data for a trained model: its training data, and other labelled images of its classes.

use std::path::Path;

use modiste_data::Dataset;
use modiste_model::Model;

use crate::{Config, TrainError, run_config};

/// The configuration that the `model` at `path` was trained with. Only a run folder stores the path of
/// the images; the model stores only the name of their folder.
///
/// # Errors
/// If it cannot be read.
pub fn config_of(path: &Path, model: &Model) -> Result<Config, TrainError> {
    let name = format!("{}: config", path.display());
    if !path.is_dir() {
        return Config::parse(&model.config, &name);
    }
    run_config(path)
}

/// Checks that the images of `data` fit the `model` at `path`. Classes that are only numbered, as in the
/// competition, are taken to be the model's classes in order.
///
/// # Errors
/// If they have another shape or other classes.
pub fn check_fits(model: &Model, path: &Path, data: &Dataset) -> Result<(), TrainError> {
    check_shape(model, path, data)?;
    let alike = numbered(data) && data.classes.len() == model.classes.len();
    if model.classes != data.classes && !alike {
        let [known, given] = [&model.classes, &data.classes].map(|classes| classes.join(", "));
        let problem = format!("has the classes {known}; {} has {given}", data.name);
        return Err(TrainError::file(path, problem));
    }
    Ok(())
}

fn check_shape(model: &Model, path: &Path, data: &Dataset) -> Result<(), TrainError> {
    let (shape, made_for) = (data.shape(), model.network.input_shape());
    if shape == made_for {
        return Ok(());
    }
    let problem = format!("takes images of {made_for}; those of {} are {shape}", data.name);
    Err(TrainError::file(path, problem))
}

/// Whether the classes are named only by their positions.
fn numbered(data: &Dataset) -> bool {
    data.classes.iter().enumerate().all(|(i, class)| *class == i.to_string())
}

/// All labelled images of the folder or table at `source` as one part, the training part, with classes
/// matched by name to those of the `model` at `path`.
///
/// # Errors
/// If they cannot be read, or have another shape or other classes.
pub fn labelled(path: &Path, model: &Model, source: &Path) -> Result<Dataset, TrainError> {
    let mut config = config_of(path, model)?;
    config.data.source = source.display().to_string();
    (config.data.split, config.data.split_seed) = ("1.0/0.0/0.0".to_owned(), 0);
    // The list names images of the training data.
    config.data.exclude.clear();
    let mut data = config.load_data_for(Some(model.preparation))?;
    // All parts of the folder are joined into one.
    for part in [data.validation.clone(), data.test.clone()] {
        if part.labels.is_some() && !part.is_empty() {
            data.train.append(part);
        }
    }
    check_shape(model, path, &data)?;
    if !numbered(&data) || data.classes.iter().any(|class| model.classes.contains(class)) {
        let known = |class: &String| model.classes.iter().position(|name| name == class);
        let mut places = Vec::new();
        for class in &data.classes {
            let Some(place) = known(class) else {
                let classes = model.classes.join(", ");
                let problem = format!("{class:?} is not a class of the model ({classes})");
                return Err(TrainError::file(&data.name, problem));
            };
            places.push(place as u16);
        }
        for label in data.train.labels.iter_mut().flatten() {
            *label = places[usize::from(*label)];
        }
    } else if data.classes.len() > model.classes.len() {
        let (found, known) = (data.classes.len(), model.classes.len());
        let problem = format!("has {found} classes, the model {known}");
        return Err(TrainError::file(&data.name, problem));
    }
    data.classes.clone_from(&model.classes);
    Ok(data)
}

//! Data as arrays: the training, validation and test parts.

use std::path::Path;

use modiste_data::{Dataset, PartName};
use modiste_model::Model;
use modiste_train::{Config, TrainError, check_fits, config_of};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;

use crate::errors::{of_run, value};

/// One part: images (n * h * w * c), their classes (n) if known, their names (n).
type PartArrays<'py> = (Bound<'py, PyArray1<u8>>, Option<Bound<'py, PyArray1<u16>>>, Vec<String>);

/// A data set: name, split, classes, (rows, columns, channels) of an image, and the parts for training,
/// validation and test.
pub type Arrays<'py> = (String, String, Vec<String>, (usize, usize, usize), Vec<PartArrays<'py>>);

/// Loads the data that the settings (fields with their values) describe.
#[pyfunction]
pub fn load_data(py: Python<'_>, settings: Vec<(String, String)>) -> PyResult<Arrays<'_>> {
    let data = py.detach(|| {
        let mut config = Config::preset("swift").map_err(of_run)?;
        config.apply(&settings).map_err(of_run)?;
        config.load_data().map_err(of_run)
    })?;
    Ok(arrays(py, data))
}

/// The data that `model` (read from `path`) was trained on, with these settings changed.
pub fn of_model(
    path: &Path,
    model: &Model,
    settings: &[(String, String)],
) -> Result<Dataset, PyErr> {
    let mut config = config_of(path, model).map_err(of_run)?;
    let named = settings.iter().any(|(field, _)| field == "data.source");
    if !named && !path.is_dir() && config.data.source != "embedded" {
        let (path, name) = (path.display(), &model.provenance.data);
        return Err(value(format!("{path}: was trained on {name}; give that folder as `data`")));
    }
    config.apply(settings).map_err(of_run)?;
    let load = || -> Result<Dataset, TrainError> {
        let data = config.load_data_for(Some(model.preparation))?;
        check_fits(model, path, &data)?;
        Ok(data)
    };
    load().map_err(of_run)
}

/// Converts the data to arrays without copying images and labels.
pub fn arrays(py: Python<'_>, data: Dataset) -> Arrays<'_> {
    let shape = data.preparation.shape;
    let part = |name: PartName| {
        let part = data.part(name);
        (0..part.len()).map(|i| part.names.get(i)).collect::<Vec<_>>()
    };
    let names = PartName::ALL.map(part);
    let parts = [data.train, data.validation, data.test].into_iter().zip(names);
    let parts = parts.map(|(part, names)| {
        let labels = part.labels.map(|labels| labels.into_pyarray(py));
        (part.images.pixels.into_pyarray(py), labels, names)
    });
    let shape = (shape.height, shape.width, shape.channels);
    (data.name, data.split, data.classes, shape, parts.collect())
}

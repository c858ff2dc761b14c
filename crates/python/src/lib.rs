//! The extension module of the Python package `modiste`: models, data and training with plain arrays.
//!
//! Argument types, defaults and the display of progress are in `modiste/*.py`. This module computes with
//! Python's global lock released and gives the same bits as the binary.

mod data;
mod errors;
mod model;
mod training;
mod watch;

use pyo3::prelude::*;

/// Extension module: models, data and training.
#[pymodule]
fn _modiste(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<model::Model>()?;
    module.add_function(wrap_pyfunction!(data::load_data, module)?)?;
    module.add_function(wrap_pyfunction!(training::fields, module)?)?;
    module.add_function(wrap_pyfunction!(training::new_folder, module)?)?;
    module.add_function(wrap_pyfunction!(training::train, module)?)?;
    module.add_function(wrap_pyfunction!(training::resume, module)?)?;
    module.add_function(wrap_pyfunction!(training::metrics, module)?)?;
    Ok(())
}

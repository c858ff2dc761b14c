//! The extension module behind the Python package `modiste`: models, data and training over plain arrays.
//!
//! What Python is good at (kinds of arguments, defaults, progress in words) is in `modiste/*.py`; what is
//! here computes with Python's lock released and gives what the binary gives, to the bit.

mod data;
mod errors;
mod model;
mod training;
mod watch;

use pyo3::prelude::*;

/// Models, data and training.
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

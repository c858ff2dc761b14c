//! Errors as Python exceptions with one line each.

use std::error::Error;
use std::io;

use modiste_train::{PlanError, TrainError};
use pyo3::PyErr;
use pyo3::exceptions::{
    PyFileNotFoundError, PyOSError, PyPermissionError, PyRuntimeError, PyValueError,
};

/// The exception for an error: the matching `OSError` for an error of the system, otherwise a `ValueError`.
pub fn raised(error: impl Error + 'static) -> PyErr {
    let text = error.to_string();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(system) = error.downcast_ref::<io::Error>() {
            return match system.kind() {
                io::ErrorKind::NotFound => PyFileNotFoundError::new_err(text),
                io::ErrorKind::PermissionDenied => PyPermissionError::new_err(text),
                _ => PyOSError::new_err(text),
            };
        }
        cause = error.source();
    }
    PyValueError::new_err(text)
}

/// The exception for an error of a run; a `RuntimeError` if the caller did not cause it.
pub fn of_run(error: TrainError) -> PyErr {
    match error {
        TrainError::NotFinite { .. } | TrainError::InUse { .. } | TrainError::Engine(_) => {
            PyRuntimeError::new_err(error.to_string())
        }
        other => raised(other),
    }
}

/// The exception for a plan that is not possible.
pub fn of_plan(error: PlanError) -> PyErr {
    match error {
        PlanError::Setting(error) => PyValueError::new_err(error.to_string()),
        PlanError::Failed(error) => of_run(error),
    }
}

/// The exception for an invalid argument.
pub fn value(problem: impl Into<String>) -> PyErr {
    PyValueError::new_err(problem.into())
}

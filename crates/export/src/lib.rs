//! Trained networks for other programs: ONNX with everything inside, C for devices, a page for
//! browsers, or the plain weights.
//!
//! An ONNX model is built from the network's description ([`onnx`]). Before it is written, a runtime that shares
//! no code with this project must give the same answers ([`second_opinion`]). C and the page are written from a
//! list of folded steps ([`Program`], in whole numbers [`Int8Program`]), which Rust can also compute for
//! comparison. The caller reads and writes files.

mod c;
pub mod int8;
mod onnx;
mod page;
mod parallel;
pub mod program;
mod second_opinion;
mod weights;

pub use c::{CFiles, CSource, c_float, c_int8, is_c_name};
pub use int8::Int8Program;
pub use onnx::{ONNX_CLASS, ONNX_IMAGES, ONNX_PROBABILITIES, OnnxSource, onnx};
pub use page::{PageCard, PagePreparation, PageRule, PageSource, page, read_page};
pub use parallel::on_threads;
pub use program::Program;
pub use second_opinion::{Answers, second_opinion};
pub use weights::weights;

/// Error of exporting a network.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The parameters do not fit the network.
    #[error("{0}")]
    Parameters(#[from] modiste_spec::engine::EngineError),
    /// The other runtime could not load or run the model.
    #[error("the second runtime failed to {action} the exported model: {reason}")]
    Runtime {
        /// The operation that failed, as in "load".
        action: &'static str,
        /// The runtime's error.
        reason: String,
    },
    /// A page without a network.
    #[error("the page does not hold the network: {0}")]
    Page(String),
    /// The weights do not fit the file format.
    #[error("failed to put the weights into the safetensors format: {0}")]
    Weights(#[from] safetensors::SafeTensorError),
}

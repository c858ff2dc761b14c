//! What is served: an engine that can be made, and what is told of the model.

use std::sync::Arc;

use modiste_data::photo::Background;
use modiste_spec::{Engine, Shape};
use serde::{Serialize, Serializer};

use crate::card::{Card, CardError};

/// Reads the model that is served, from the start each time it is called.
///
/// The error is one line that names the file.
pub type Load = dyn Fn() -> Result<Model, String> + Send + Sync;

/// Makes an engine with the model's parameters loaded. It is called on the thread that the engine
/// will work on, and again after an engine panicked.
pub type MakeEngine = dyn Fn() -> Result<Box<dyn Engine>, String> + Send + Sync;

/// Asks the engine for the logits (n, classes) of images (n, h, w, c).
pub type Ask<'a> = dyn FnMut(&[u8]) -> Result<Vec<f32>, String> + 'a;

/// Evaluates the model on images it was not fitted to.
pub type Evaluate = dyn Fn(&mut Ask<'_>) -> Result<Card, CardError> + Send + Sync;

/// Tells what of an image (h, w, c) spoke for the class at a position.
pub type Explain = dyn Fn(&[u8], usize) -> Result<Heat, String> + Send + Sync;

/// How much each place of an image spoke for a class.
#[derive(Clone, Debug, Serialize)]
pub struct Heat {
    /// Rows: those of the image.
    pub height: usize,
    /// Columns: those of the image.
    pub width: usize,
    /// From 0 to 1 (height, width).
    pub values: Vec<f32>,
}

/// A model that was read and checked.
pub struct Model {
    /// What is told of it.
    pub about: About,
    /// Makes its engine.
    pub make: Arc<MakeEngine>,
    /// Makes its card.
    pub evaluate: Arc<Evaluate>,
    /// Says why.
    pub explain: Arc<Explain>,
}

/// What `GET /v1/model` tells.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// The model's file, or the folder of its run, without the folders around it.
    pub name: String,
    /// Tells one model from another: the CRC-32 of the file.
    pub version: String,
    /// The name of each class, in the order of the logits.
    pub classes: Vec<String>,
    /// The images that the network takes.
    pub image: Shape,
    /// Number of trained parameters.
    pub parameters: usize,
    /// Multiply-adds of one image.
    pub multiply_adds: u64,
    /// What logits are divided by before they become probabilities.
    pub temperature: f64,
    /// How a picture becomes an image where the request does not say.
    #[serde(serialize_with = "as_text")]
    pub background: Background,
    /// Where it comes from.
    pub origin: Origin,
}

/// As the interface writes it.
fn as_text<S: Serializer>(background: &Background, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(background)
}

/// Where a model comes from.
#[derive(Clone, Debug, Serialize)]
pub struct Origin {
    /// Version of modiste that trained it.
    pub modiste: String,
    /// Name of the data set.
    pub data: String,
    /// The split as it is written on the command line.
    pub split: String,
    /// The epoch that was chosen, from 1.
    pub epoch: usize,
    /// Its accuracy on the validation part.
    pub validation_accuracy: f64,
    /// Its loss on the validation part.
    pub validation_loss: f64,
    /// Its mean one-vs-rest AUROC on the validation part.
    pub validation_auroc: Option<f64>,
}

//! The server's view of a model: its description, and functions that create an engine, evaluate and
//! explain.

use std::sync::Arc;

use modiste_data::photo::{Background, Preparation};
use modiste_spec::{Engine, Shape};
use serde::{Serialize, Serializer};

use crate::card::{Card, CardError};

/// Reads the model from its file, each time it is called.
///
/// The error is one line that names the file; it goes to the log, never to clients.
pub type LoadModel = dyn Fn() -> Result<Model, String> + Send + Sync;

/// Creates an engine with the model's parameters loaded, on the thread that the engine will run on.
/// It is called again after an engine panics.
pub type MakeEngine = dyn Fn() -> Result<Box<dyn Engine>, String> + Send + Sync;

/// Computes the logits (n, classes) of images (n, h, w, c).
pub type ComputeLogits<'a> = dyn FnMut(&[u8]) -> Result<Vec<f32>, String> + 'a;

/// Evaluates the model on its validation images.
pub type EvaluateModel = dyn Fn(&mut ComputeLogits<'_>) -> Result<Card, CardError> + Send + Sync;

/// Computes the heat map of an image (h, w, c) for the class with this index.
pub type Explain = dyn Fn(&[u8], usize) -> Result<Heat, String> + Send + Sync;

/// A heat map: how much each pixel contributed to the evidence for a class.
#[derive(Clone, Debug, Serialize)]
pub struct Heat {
    /// Number of rows, as in the image.
    pub height: usize,
    /// Number of columns, as in the image.
    pub width: usize,
    /// Values from 0 to 1, (height, width).
    pub values: Vec<f32>,
}

/// A model that has been read and checked.
pub struct Model {
    /// Its description.
    pub about: ModelDescription,
    /// Creates its engine.
    pub make: Arc<MakeEngine>,
    /// Computes its card.
    pub evaluate: Arc<EvaluateModel>,
    /// Computes heat maps.
    pub explain: Arc<Explain>,
}

/// The description of a model in `GET /v1/model`.
#[derive(Clone, Debug, Serialize)]
pub struct ModelDescription {
    /// The model's file, or the folder of its run, without the folders around it.
    pub name: String,
    /// Identifies the model: the CRC-32 of its file.
    pub version: String,
    /// The name of each class, in the order of the logits.
    pub classes: Vec<String>,
    /// The shape of the network's input.
    pub image: Shape,
    /// Number of trained parameters.
    pub parameters: usize,
    /// Number of multiply-adds for one image.
    pub multiply_adds: u64,
    /// Logits are divided by this before the softmax.
    pub temperature: f64,
    /// The background used if the request names none.
    #[serde(serialize_with = "as_text")]
    pub background: Background,
    /// The preparation of the training pictures, which is also applied to pictures of requests.
    #[serde(skip)]
    pub preparation: Preparation,
    /// Where it comes from.
    pub origin: ModelOrigin,
}

/// Serialises a background by its name.
fn as_text<S: Serializer>(background: &Background, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(background)
}

/// Where a model comes from.
#[derive(Clone, Debug, Serialize)]
pub struct ModelOrigin {
    /// Version of modiste that trained it.
    pub modiste: String,
    /// Name of the data set.
    pub data: String,
    /// The split as written on the command line.
    pub split: String,
    /// The chosen epoch, counted from 1.
    pub epoch: usize,
    /// Accuracy of that epoch on the validation images; `None` if there were none.
    pub validation_accuracy: Option<f64>,
    /// Loss of that epoch on the validation images.
    pub validation_loss: Option<f64>,
    /// Mean one-vs-rest AUROC of that epoch on the validation images.
    pub validation_auroc: Option<f64>,
}

//! The model file: everything that predicting, serving and exporting need, in one safetensors file.
//!
//! Weights and running statistics have PyTorch's names and layout. The metadata holds `format`,
//! `network` (JSON), `classes` (JSON), `preprocessing` (JSON), `config` (TOML), `provenance` (JSON),
//! `checksum` (CRC-32 of everything else) and, once the run has ended, `confidence` (JSON). It has
//! neither times nor paths, so the same run gives the same bytes.

use std::path::Path;

use modiste_data::Dataset;
use modiste_data::FASHION_CLASSES;
use modiste_data::photo::{Background, Fit, Preparation, TransparencyFill};
use modiste_metrics::Confidence;
use modiste_spec::engine::{PIXEL_MAX, State, Tensor};
use modiste_spec::{Network, Shape};
use serde::{Deserialize, Serialize};

use crate::tensors::{self, Metadata, Reader};
use crate::trained::trained;
use crate::{EpochMetrics, ModelError, other_format};
use modiste_files::{atomic_write, read};

/// Value of `format`; every layout has its own number.
const FORMAT: &str = "modiste model 1";
/// Largest model file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// Preparation of an image for the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// 1 for grey, 3 for red, green, blue.
    pub channels: usize,
    /// The network's input is pixel / this.
    pub divisor: f32,
    /// How a picture of another shape is fitted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fit: Fit,
    /// Background of transparent pictures.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ground: TransparencyFill,
    /// Whether pictures become garments on black as in Fashion-MNIST; `None` if that depends on the
    /// classes being those of Fashion-MNIST, as in files older than this entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub garments: Option<bool>,
    /// The value of white in pictures of 16 bits per channel, if the training pictures had any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub white: Option<u16>,
}

/// Whether a model whose file does not say so was trained on garments on black: true for the classes of
/// Fashion-MNIST.
fn knows_garments(classes: &[String], channels: usize) -> bool {
    classes == FASHION_CLASSES && channels == 1
}

/// The shape of images of Fashion-MNIST.
const FASHION: Shape = Shape::new(28, 28, 1);

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Preprocessing {
    /// The entry for a model of `classes` whose training pictures were prepared by `preparation`.
    /// Values that older files imply are left out, so that their models are written back unchanged.
    pub fn of(preparation: &Preparation, classes: &[String]) -> Self {
        let Preparation { shape, fit, ground, garments, white } = *preparation;
        Self {
            height: shape.height,
            width: shape.width,
            channels: shape.channels,
            divisor: PIXEL_MAX,
            fit,
            ground,
            garments: (garments != knows_garments(classes, shape.channels)).then_some(garments),
            white,
        }
    }

    /// The shape of the pictures. Files of version 0.1.0 for flattened images of Fashion-MNIST may lack
    /// it.
    fn shape(&self, classes: &[String]) -> Shape {
        let Self { height, width, channels, .. } = *self;
        let known = Shape { height, width, channels };
        let row = known.pixels() == 1 && channels == FASHION.len();
        if row && knows_garments(classes, FASHION.channels) { FASHION } else { known }
    }

    /// How pictures are prepared. In older files, models of Fashion-MNIST expect garments on black.
    fn preparation(self, network: &Network, classes: &[String]) -> Option<Preparation> {
        let (shape, taken) = (self.shape(classes), network.input_shape());
        let Self { divisor, fit, ground, garments, white, .. } = self;
        let fits = shape == taken && divisor == PIXEL_MAX;
        let garments = garments.unwrap_or_else(|| knows_garments(classes, shape.channels));
        fits.then_some(Preparation { shape, fit, ground, garments, white })
    }
}

/// Origin of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Version of modiste that trained it.
    pub modiste: String,
    /// Name of the data set.
    pub data: String,
    /// The split as written on the command line.
    pub split: String,
    /// CRC-32 of the training and validation images and labels.
    pub data_checksum: u32,
    /// Metrics of the chosen epoch.
    pub chosen: EpochMetrics,
}

/// Identifies the data of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataIdentity {
    /// Name of the data set.
    pub name: String,
    /// The name of each class.
    pub classes: Vec<String>,
    /// Training images.
    pub images: usize,
    /// CRC-32 of the training and validation images and labels.
    pub checksum: u32,
}

impl DataIdentity {
    /// Identity of `data`.
    pub fn of(data: &Dataset) -> Self {
        let mut crc = crc32fast::Hasher::new();
        for part in [&data.train, &data.validation] {
            crc.update(&part.images.pixels);
            for label in part.labels.iter().flatten() {
                crc.update(&label.to_le_bytes());
            }
        }
        Self {
            name: data.name.clone(),
            classes: data.classes.clone(),
            images: data.train.len(),
            checksum: crc.finalize(),
        }
    }
}

/// Temperatures and thresholds fitted to the validation set, with and without mirroring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfidence {
    /// For the logits of an image.
    pub plain: Confidence,
    /// For the mean logits of an image and its mirror image.
    pub mirrored: Confidence,
}

impl ModelConfidence {
    /// The values with or without mirroring.
    pub fn of(&self, mirrored: bool) -> &Confidence {
        if mirrored { &self.mirrored } else { &self.plain }
    }

    /// Checks that the numbers can be used.
    fn check(&self) -> Result<(), String> {
        for Confidence { temperature, rejection, .. } in [&self.plain, &self.mirrored] {
            // Other programs divide by the temperature in single precision, which can represent these.
            if !(1e-9..=1e9).contains(temperature) {
                return Err(format!("a temperature of {temperature} is impossible"));
            }
            if let Some(rule) = rejection.iter().find(|r| !(0.0..=1.0).contains(&r.threshold)) {
                return Err(format!("a threshold of {} is impossible", rule.threshold));
            }
        }
        Ok(())
    }
}

/// A trained network with everything needed to use it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The network.
    pub network: Network,
    /// The name of each class, in the order of the logits.
    pub classes: Vec<String>,
    /// Parameters and running statistics, in the order of [`Network::parameters`].
    pub parameters: Vec<Tensor>,
    /// The configuration it was trained with, as TOML; a folder of images is named without its path.
    pub config: String,
    /// Origin.
    pub provenance: Provenance,
    /// Temperature and thresholds; `None` until the run has ended, and in old files.
    pub confidence: Option<ModelConfidence>,
    /// How training pictures were prepared, and all further pictures must be.
    pub preparation: Preparation,
}

impl Model {
    /// How the background of pictures is treated: `Auto` if the model was trained on garments on black,
    /// else `Keep`.
    pub fn background(&self) -> Background {
        if self.preparation.garments { Background::Auto } else { Background::Keep }
    }

    /// Reads a model file, or the trained model `swift` that is embedded in the program, unless a file or
    /// folder has that name.
    ///
    /// # Errors
    /// As [`parse_model`], or if the file cannot be read.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let name = path.display().to_string();
        match trained(path) {
            Some(bytes) => parse_model(bytes, &name),
            None => parse_model(&read(path, MAX_BYTES)?, &name),
        }
    }

    /// Writes a model file, completely or not at all.
    ///
    /// # Errors
    /// If it cannot be written; an existing file is then unchanged.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        Ok(atomic_write(path, &self.to_bytes())?)
    }

    /// The state to load into an engine.
    pub fn state(&self) -> State {
        State::of_parameters(self.parameters.clone())
    }

    /// The divisor of logits before softmax (if `mirrored`, of the mean logits of an image and its
    /// mirror image); 1 if the model does not have one.
    pub fn temperature(&self, mirrored: bool) -> f64 {
        self.confidence.as_ref().map_or(1.0, |both| both.of(mirrored).temperature)
    }

    /// CRC-32 of the whole model, as 8 hexadecimal digits: the checksum in its file.
    pub fn checksum(&self) -> String {
        checksum(&self.metadata(), &self.parameters)
    }

    /// The contents of the model file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut metadata = self.metadata();
        metadata.insert("checksum".into(), checksum(&metadata, &self.parameters));
        let tensors: Vec<_> = self.parameters.iter().map(|t| (t.name.clone(), t)).collect();
        tensors::write(&metadata, &tensors)
    }

    /// All metadata entries except the checksum.
    fn metadata(&self) -> Metadata {
        let json = |value: Result<String, serde_json::Error>| value.expect("plain data is JSON");
        let mut metadata: Metadata = [
            ("format", FORMAT.to_owned()),
            ("network", json(serde_json::to_string(&self.network))),
            ("classes", json(serde_json::to_string(&self.classes))),
            (
                "preprocessing",
                json(serde_json::to_string(&Preprocessing::of(&self.preparation, &self.classes))),
            ),
            ("config", self.config.clone()),
            ("provenance", json(serde_json::to_string(&self.provenance))),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        if let Some(confidence) = &self.confidence {
            metadata.insert("confidence".into(), json(serde_json::to_string(confidence)));
        }
        metadata
    }
}

/// Reads the bytes of a model file; errors name the file `name`.
///
/// # Errors
/// If it is not a safetensors file, lacks an entry or tensor, has an unexpected one, or one of another
/// shape, another type or with values that are not finite, or if the checksum differs.
pub fn parse_model(bytes: &[u8], name: &str) -> Result<Model, ModelError> {
    let mut reader = Reader::new(bytes, name)?;
    let format = reader.text("format")?;
    if format != FORMAT {
        let writer = writer(&reader);
        return Err(reader.error(other_format(format, FORMAT, writer.as_deref())));
    }
    let network: Network = reader.json("network")?;
    let classes: Vec<String> = reader.json("classes")?;
    if classes.len() != network.classes() {
        let (named, known) = (classes.len(), network.classes());
        return Err(reader.error(format!("{named} classes are named, but the network has {known}")));
    }
    let preprocessing: Preprocessing = reader.json("preprocessing")?;
    let network = network.image_first(preprocessing.shape(&classes));
    let Some(preparation) = preprocessing.preparation(&network, &classes) else {
        return Err(reader.error("metadata entry \"preprocessing\" does not fit the network"));
    };
    let parameters = reader.take("", network.parameters().iter())?;
    reader.finish()?;
    let config = reader.text("config")?.to_owned();
    let provenance = reader.json("provenance")?;
    let confidence: Option<ModelConfidence> = reader.optional_json("confidence")?;
    if let Some(Err(problem)) = confidence.as_ref().map(ModelConfidence::check) {
        return Err(reader.error(format!("metadata entry \"confidence\": {problem}")));
    }
    if checksum(reader.metadata(), &parameters) != reader.text("checksum")? {
        return Err(reader.error("the checksum differs: the file was damaged or changed"));
    }
    Ok(Model { network, classes, parameters, config, provenance, confidence, preparation })
}

/// The version of modiste that wrote the file, if its provenance says so.
fn writer(reader: &Reader<'_>) -> Option<String> {
    let provenance: serde_json::Value = reader.json("provenance").ok()?;
    Some(provenance.get("modiste")?.as_str()?.to_owned())
}

/// CRC-32, as 8 hexadecimal digits, of each metadata entry except the checksum (key, 0, value, 0) in the
/// order of the keys and of each tensor (name, 0, values as little endian) in the network's order.
fn checksum(metadata: &Metadata, parameters: &[Tensor]) -> String {
    let mut crc = crc32fast::Hasher::new();
    for (key, value) in metadata.iter().filter(|(key, _)| *key != "checksum") {
        for part in [key.as_bytes(), &[0], value.as_bytes(), &[0]] {
            crc.update(part);
        }
    }
    for tensor in parameters {
        crc.update(tensor.name.as_bytes());
        crc.update(&[0]);
        for value in &tensor.values {
            crc.update(&value.to_le_bytes());
        }
    }
    format!("{:08x}", crc.finalize())
}

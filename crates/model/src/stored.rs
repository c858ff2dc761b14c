//! `evaluation.json` of a run folder: how its model classified the parts of the data, stored so that
//! reports need neither data nor engine.

use modiste_data::{Dataset, Part, PartName};
use modiste_files::{atomic_write, read_text};
use modiste_metrics::{Evaluation, Mistake, RocCurve, roc_curves, worst_mistakes};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Answers, Model, ModelError, RunFolder, other_format};

/// The number rises when older files can no longer be read.
const FORMAT: &str = "modiste-evaluation-1";
/// Number of mistakes stored; only the first ones have their images.
pub const MISTAKES: usize = 100;
const PICTURES: usize = 40;
/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 28;
/// Points of a stored ROC curve: neighbours cannot be told apart in a figure.
const ROC_POINTS: usize = 300;

/// How a run's model classified the parts of the data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    format: String,
    /// The checksum of the model.
    model: String,
    /// Name of the data.
    pub data: String,
    /// Its split.
    pub split: String,
    /// Height and width of an image.
    pub image: [usize; 2],
    /// The parts, in the order of the data.
    pub parts: Vec<StoredPart>,
}

/// The part that files of all versions have.
#[derive(Deserialize)]
struct Format {
    format: String,
}

/// One part of the data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredPart {
    /// Which part.
    pub part: PartName,
    /// Metrics of the answers.
    pub evaluation: Evaluation,
    /// The curve of each class against all others.
    pub roc: Vec<Option<RocCurve>>,
    /// The mistakes with the highest loss, the worst first.
    pub mistakes: Vec<StoredMistake>,
}

/// A mistake of a model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredMistake {
    /// The position of the image, its class and the answer.
    #[serde(flatten)]
    pub mistake: Mistake,
    /// The file of the image, with its position in a file of many; empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Its pixels (h, w, c); not stored for all.
    pub image: Option<Pixels>,
    /// Pictures to show beside it, of the same size.
    #[serde(default)]
    pub beside: Vec<Pixels>,
}

impl Stored {
    /// An empty record for `model` on `data`.
    pub fn new(model: &Model, data: &Dataset) -> Self {
        let shape = data.shape();
        Self {
            format: FORMAT.into(),
            model: model.checksum(),
            data: data.name.clone(),
            split: data.split.clone(),
            image: [shape.height, shape.width],
            parts: Vec::new(),
        }
    }

    /// Reads the record of `model` in the run folder; `None` if the file is missing or about
    /// another model.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn load(folder: &RunFolder, model: Option<&Model>) -> Result<Option<Self>, ModelError> {
        let path = folder.evaluation();
        if !path.exists() {
            return Ok(None);
        }
        let text = read_text(&path, MAX_BYTES)?;
        // Check the format first: a file from a newer version may lack what is needed here without being
        // damaged.
        let damaged = |problem: String| ModelError::file(&path, format!("is damaged: {problem}"));
        let Format { format } = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
        if format != FORMAT {
            return Err(ModelError::file(&path, other_format(&format, FORMAT, None)));
        }
        let stored: Self = serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
        stored.check().map_err(damaged)?;
        Ok(Some(stored).filter(|stored| model.is_none_or(|model| model.checksum() == stored.model)))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// As [`atomic_write`].
    pub fn save(&self, folder: &RunFolder) -> Result<(), ModelError> {
        let text = serde_json::to_string(self).expect("plain data is JSON");
        Ok(atomic_write(&folder.evaluation(), format!("{text}\n").as_bytes())?)
    }

    /// Stores the answers on one part of `data`, replacing earlier ones.
    pub fn add(&mut self, data: &Dataset, part: PartName, answers: &Answers<'_>) {
        let Part { images, names, .. } = data.part(part);
        let Answers { logits, labels, evaluation } = answers;
        let classes = evaluation.classes.len();
        let worst = worst_mistakes(logits, labels, classes, MISTAKES);
        let mistake = |(i, mistake): (usize, Mistake)| StoredMistake {
            image: (i < PICTURES).then(|| Pixels(images.get(mistake.index).to_vec())),
            beside: Vec::new(),
            file: if names.is_empty() { String::new() } else { names.get(mistake.index) },
            mistake,
        };
        self.parts.retain(|known| known.part != part);
        self.parts.push(StoredPart {
            part,
            evaluation: evaluation.clone(),
            roc: roc_curves(logits, labels, classes, ROC_POINTS),
            mistakes: worst.into_iter().enumerate().map(mistake).collect(),
        });
        self.parts.sort_by_key(|known| known.part as usize);
    }

    /// The part of this name.
    pub fn part(&self, part: PartName) -> Option<&StoredPart> {
        self.parts.iter().find(|known| known.part == part)
    }

    /// Names of the classes.
    pub fn classes(&self) -> Vec<String> {
        let classes = self.parts.first().map(|part| &part.evaluation.classes);
        classes.into_iter().flatten().map(|class| class.name.clone()).collect()
    }

    /// Checks that sizes fit together, so that readers can rely on them.
    fn check(&self) -> Result<(), String> {
        let classes = self.classes();
        match self.parts.iter().find_map(|part| Some((part, part.problem(&classes, self.image)?))) {
            Some((part, problem)) => Err(format!("the {} part {problem}", part.part)),
            None => Ok(()),
        }
    }
}

impl StoredPart {
    /// The first thing that does not fit these classes or images of this height and width.
    fn problem(&self, classes: &[String], [height, width]: [usize; 2]) -> Option<&'static str> {
        let Self { evaluation, roc, mistakes, .. } = self;
        let square = evaluation.confusion.len() == classes.len()
            && evaluation.confusion.iter().all(|row| row.len() == classes.len());
        let whole = |curve: &RocCurve| curve.points.iter().flatten().all(|v| v.is_finite());
        let known = |class: u16| usize::from(class) < classes.len();
        let pictures = |m: &StoredMistake| {
            let pixels = height.saturating_mul(width);
            let sizes = [1, 3].map(|channels| pixels.saturating_mul(channels));
            m.image.iter().chain(&m.beside).all(|picture| sizes.contains(&picture.0.len()))
        };
        let fits = [
            (
                evaluation.classes.iter().map(|class| &class.name).eq(classes),
                "has other classes than the first one",
            ),
            (square, "has a confusion matrix that does not fit its classes"),
            (
                roc.len() == classes.len() && roc.iter().flatten().all(whole),
                "has ROC curves that do not fit its classes",
            ),
            (
                mistakes.iter().all(|m| known(m.mistake.truth) && known(m.mistake.prediction)),
                "has a mistake without a class",
            ),
            (mistakes.iter().all(pictures), "has a picture of another size"),
        ];
        fits.into_iter().find(|(fits, _)| !fits).map(|(_, problem)| problem)
    }

    /// The stored mistakes, the worst first.
    pub fn mistakes(&self) -> Vec<Mistake> {
        self.mistakes.iter().map(|stored| stored.mistake.clone()).collect()
    }

    /// The files of their images.
    pub fn files(&self) -> Vec<String> {
        self.mistakes.iter().map(|stored| stored.file.clone()).collect()
    }
}

/// Pixels, written to files as base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels(pub Vec<u8>);

impl Serialize for Pixels {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Pixels {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

//! `evaluation.json` of a run folder: how its model classified the parts of the data, kept so that
//! reports need neither data nor engine.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use modiste_data::{Dataset, Images, PartName};
use modiste_draw::{Picture, base64, from_base64};
use modiste_explain::{Explainer, overlay};
use modiste_files::{MAX_TEXT, atomic_write, read_text};
use modiste_metrics::{Evaluation, Mistake, RocCurve, roc_curves, worst_mistakes};
use modiste_model::Model;
use modiste_report::MistakeImage;
use serde::{Deserialize, Serialize};

use crate::commands::model::Answers;

/// The file's name.
const FILE: &str = "evaluation.json";
/// Rises when older files can no longer be read.
const FORMAT: &str = "modiste-evaluation-1";
/// Mistakes that are kept; the first of them with their images.
pub const MISTAKES: usize = 100;
const PICTURES: usize = 40;
/// Points of a kept ROC curve: no two neighbours are visibly apart in a figure.
const ROC_POINTS: usize = 300;

/// How a run's model classified the parts of the data.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stored {
    format: String,
    /// The checksum of the model.
    model: String,
    /// Name of the data, and the split.
    pub data: String,
    pub split: String,
    /// Height and width of an image.
    image: [usize; 2],
    /// The parts, in the order of the data.
    pub parts: Vec<StoredPart>,
}

/// One part of the data.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredPart {
    pub part: PartName,
    pub evaluation: Evaluation,
    /// The curve of each class against all others.
    pub roc: Vec<Option<RocCurve>>,
    mistakes: Vec<StoredMistake>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredMistake {
    #[serde(flatten)]
    mistake: Mistake,
    /// Its pixels (h, w, c) in base64; not for all.
    image: Option<String>,
    /// Pictures to stand beside it, likewise.
    #[serde(default)]
    beside: Vec<String>,
}

impl Stored {
    /// Nothing yet of `model` on `data`.
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

    /// What the run folder has of `model`; `None` if the file is missing or about another model.
    pub fn load(folder: &Path, model: Option<&Model>) -> anyhow::Result<Option<Self>> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = read_text(&path, MAX_TEXT)?;
        let stored: Self = serde_json::from_str(&text)
            .with_context(|| format!("{}: is damaged", path.display()))?;
        stored.check().with_context(|| format!("{}: is damaged", path.display()))?;
        Ok(Some(stored).filter(|stored| model.is_none_or(|model| model.checksum() == stored.model)))
    }

    /// Writes the file.
    pub fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string(self)?;
        Ok(atomic_write(&folder.join(FILE), format!("{text}\n").as_bytes())?)
    }

    /// Takes in the answers on one part, instead of what was there of it.
    pub fn add(&mut self, part: PartName, images: &Images, answers: &Answers<'_>) {
        let Answers { logits, labels, evaluation } = answers;
        let classes = evaluation.classes.len();
        let worst = worst_mistakes(logits, labels, classes, MISTAKES);
        // A flat image has all its values as channels: there is nothing to show.
        let shown = matches!(images.shape.channels, 1 | 3);
        let mistake = |(i, mistake): (usize, Mistake)| StoredMistake {
            image: (shown && i < PICTURES).then(|| base64(images.get(mistake.index))),
            beside: Vec::new(),
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

    /// Puts beside the kept validation mistakes of `model`, which are the ones that are shown, what
    /// spoke for its answer.
    pub fn explain(&mut self, model: &Model) -> anyhow::Result<()> {
        let shape = model.network.input_shape();
        let explainer = Explainer::new(&model.network, &model.parameters)?;
        let parts = self.parts.iter_mut().filter(|part| part.part == PartName::Validation);
        // A network without maps and images of two channels have nothing to show.
        if explainer.layer(None).is_err() || ![1, 3].contains(&shape.channels) {
            return Ok(());
        }
        for StoredMistake { mistake, image, beside } in parts.flat_map(|part| &mut part.mistakes) {
            let Some(image) = image.as_deref().filter(|_| beside.is_empty()) else { continue };
            let pixels = from_base64(image).context("an image is not valid base64")?;
            let map = explainer.grad_cam(&pixels, mistake.prediction.into(), None)?;
            beside.push(base64(overlay(&map, &pixels, shape, 1)?.pixels()));
        }
        Ok(())
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

    /// The mistakes of a part whose images are kept.
    pub fn pictures(&self, part: &StoredPart) -> anyhow::Result<Vec<MistakeImage>> {
        let mut pictures = Vec::new();
        for StoredMistake { mistake, image, beside } in &part.mistakes {
            let Some(image) = image else { continue };
            pictures.push(MistakeImage {
                mistake: mistake.clone(),
                picture: self.picture(image)?,
                beside: beside.iter().map(|text| self.picture(text)).collect::<Result<_, _>>()?,
            });
        }
        Ok(pictures)
    }

    fn picture(&self, text: &str) -> anyhow::Result<Picture> {
        let [height, width] = self.image;
        let pixels = from_base64(text).context("an image is not valid base64")?;
        let channels = pixels.len() / height.saturating_mul(width).max(1);
        Ok(Picture::new(pixels, [height, width, channels])?)
    }

    /// Whether sizes fit together, so that all who read it may rely on them.
    fn check(&self) -> anyhow::Result<()> {
        if self.format != FORMAT {
            bail!("it is in the format {:?}, not {FORMAT:?}", self.format);
        }
        let classes = self.classes();
        for part in &self.parts {
            let StoredPart { part: name, evaluation, roc, mistakes } = part;
            let named = evaluation.classes.iter().map(|class| &class.name);
            ensure!(named.eq(&classes), "the {name} part has other classes than the first one");
            let square = evaluation.confusion.len() == classes.len()
                && evaluation.confusion.iter().all(|row| row.len() == classes.len());
            ensure!(square, "the {name} part's confusion matrix does not fit its classes");
            let whole = |curve: &RocCurve| curve.points.iter().flatten().all(|v| v.is_finite());
            let fits = roc.len() == classes.len() && roc.iter().flatten().all(whole);
            ensure!(fits, "the {name} part's ROC curves do not fit its classes");
            let known = |class: u16| usize::from(class) < classes.len();
            let wrong = |m: &StoredMistake| !known(m.mistake.truth) || !known(m.mistake.prediction);
            ensure!(!mistakes.iter().any(wrong), "the {name} part has a mistake without a class");
            self.pictures(part)?;
        }
        Ok(())
    }
}

impl StoredPart {
    /// The mistakes that were kept, the worst first.
    pub fn mistakes(&self) -> Vec<Mistake> {
        self.mistakes.iter().map(|stored| stored.mistake.clone()).collect()
    }
}

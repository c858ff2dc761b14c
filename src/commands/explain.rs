//! `modiste explain`: heat maps that show which parts of a picture led to the model's answer.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use modiste_data::photo::Limits;
use modiste_explain::{ExplainError, Explained, Explainer, HeatMap, Occlusion, occlusion, sheet};
use modiste_files::{atomic_write, read};
use modiste_model::{Answer, Model, Options};
use modiste_views::Table;
use serde::Serialize;

use crate::cli::{ExplainArgs, MethodArg};
use crate::commands::model::AnyPredictor;
use crate::commands::{memory, model};
use crate::failure::Failure;
use crate::output;

/// Number of mistakes explained by default.
const MISTAKES: usize = 12;
/// Pixels of a PNG file for each unit of the drawing.
const PNG_SCALE: f64 = 2.0;

/// What is printed.
#[derive(Serialize)]
struct Explanations {
    /// The model file.
    model: String,
    method: &'static str,
    /// The layer that Grad-CAM used.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<String>,
    /// The picture that was written.
    #[serde(serialize_with = "output::shown")]
    out: PathBuf,
    images: Vec<Image>,
}

/// One explained image.
#[derive(Serialize)]
struct Image {
    image: String,
    /// How the picture was prepared.
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
    /// Its true class, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    truth: Option<String>,
    prediction: String,
    probability: f64,
    maps: Vec<Map>,
}

/// One heat map.
#[derive(Serialize)]
struct Map {
    class: String,
    probability: f64,
    /// The effect that the value 1 stands for.
    peak: f32,
    /// Rows of values from 0 to 1.
    map: Vec<Vec<f32>>,
}

/// An image to explain.
struct Subject {
    name: String,
    note: String,
    pixels: Vec<u8>,
    truth: Option<usize>,
}

/// Explains, writes the picture and prints.
pub fn run(args: ExplainArgs) -> Result<(), Failure> {
    check_effect(&args)?;
    let png = is_png(&args.out)?;
    let model = model::load(&args.model)?;
    let class = args.class.as_deref().map(|name| find_class(&model.classes, name)).transpose()?;
    let mut asked = ExplainedModel::new(&args, &model)?;
    let subjects = subjects(&args, &model, &asked)?;
    let mut explained = Vec::with_capacity(subjects.len());
    let mut images = Vec::with_capacity(subjects.len());
    for subject in subjects {
        let (item, image) = asked.explain(subject, class)?;
        explained.push(item);
        images.push(image);
    }
    let layer = asked.layer;
    let (method, heading) = match &layer {
        Some(layer) => ("grad-cam", format!("Grad-CAM at {layer}")),
        None => ("occlusion", format!("Occlusion by {0} x {0} pixels", asked.occlusion.patch)),
    };
    let drawing = sheet(&heading, &explained, model.network.input_shape())?;
    let bytes = if png { drawing.png(PNG_SCALE)? } else { drawing.svg().into_bytes() };
    atomic_write(&args.out, &bytes)?;
    let model = model::file(&args.model).display().to_string();
    let output = Explanations { model, method, layer, out: args.out, images };
    Ok(output::print_either(&output, args.json)?)
}

/// Rejects options that would have no effect.
fn check_effect(args: &ExplainArgs) -> Result<(), Failure> {
    let grad_cam = args.method == MethodArg::GradCam;
    let idle = [
        (!grad_cam && args.layer.is_some(), "--layer", "grad-cam"),
        (grad_cam && args.patch.is_some(), "--patch", "occlusion"),
        (grad_cam && args.stride.is_some(), "--stride", "occlusion"),
        (grad_cam && args.fill.is_some(), "--fill", "occlusion"),
    ];
    match idle.into_iter().find(|(idle, ..)| *idle) {
        Some((_, option, method)) => {
            Err(Failure::Usage(format!("{option}: has no effect without --method {method}")))
        }
        None => Ok(()),
    }
}

fn is_png(out: &Path) -> Result<bool, Failure> {
    match out.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => Ok(false),
        Some("png") => Ok(true),
        _ => Err(Failure::Usage(format!("--out {}: must end in .svg or .png", out.display()))),
    }
}

/// The position of the class of this name. Case matters only if two names differ in nothing else.
fn find_class(classes: &[String], name: &str) -> Result<usize, Failure> {
    if let Some(class) = classes.iter().position(|class| class == name) {
        return Ok(class);
    }
    let alike = |class: usize| classes[class].to_lowercase() == name.to_lowercase();
    let alike: Vec<usize> = (0..classes.len()).filter(|&class| alike(class)).collect();
    let problem = match alike[..] {
        [class] => return Ok(class),
        [] => "is none",
        _ => "matches more than one",
    };
    let known = classes.join(", ");
    Err(Failure::Usage(format!("--class {name:?}: {problem} of the model's classes: {known}")))
}

/// The given pictures, or the run's worst mistakes.
fn subjects(
    args: &ExplainArgs,
    model: &Model,
    asked: &ExplainedModel,
) -> anyhow::Result<Vec<Subject>> {
    let picture = |path: &PathBuf| {
        let name = path.display().to_string();
        let bytes = read(path, Limits::default().bytes as u64)?;
        let prepared = asked.predictor.prepare(&bytes, &name)?;
        let (pixels, note) = (prepared.pixels, prepared.note);
        Ok(Subject { name, note, pixels, truth: None })
    };
    if !args.images.is_empty() {
        return args.images.iter().map(picture).collect();
    }
    let mistakes = modiste_writeup::mistakes(&args.model, model)?;
    let mistake = |image: modiste_report::MistakeImage| Subject {
        name: format!("validation image {}", image.mistake.index),
        note: String::new(),
        pixels: image.picture.pixels().to_vec(),
        truth: Some(image.mistake.truth.into()),
    };
    if mistakes.is_empty() {
        let run = args.model.display();
        bail!("{run}: no pictures of mistakes are stored; give pictures to explain");
    }
    let count = args.mistakes.unwrap_or(MISTAKES);
    Ok(mistakes.into_iter().take(count).map(mistake).collect())
}

/// A model whose answers are explained.
struct ExplainedModel {
    predictor: AnyPredictor,
    explainer: Explainer,
    /// The layer that Grad-CAM uses; `None` for occlusion.
    layer: Option<String>,
    occlusion: Occlusion,
}

impl ExplainedModel {
    fn new(args: &ExplainArgs, model: &Model) -> Result<Self, Failure> {
        let shown = model::file(&args.model);
        memory::check_explaining(&model.network)
            .map_err(|problem| anyhow!("{}: {problem}", shown.display()))?;
        let explainer = Explainer::new(&model.network, &model.parameters)?;
        let layer = match args.method {
            MethodArg::Occlusion => None,
            MethodArg::GradCam => {
                Some(explainer.layer(args.layer.as_deref()).map_err(wrong_layer)?.to_owned())
            }
        };
        let options = Options::default();
        let predictor = model::predictor(&args.model, model.clone(), options, args.threads)?;
        let usual = Occlusion::default();
        let occlusion = Occlusion {
            patch: args.patch.unwrap_or(usual.patch),
            stride: args.stride.unwrap_or(usual.stride),
            fill: args.fill.unwrap_or(usual.fill),
            temperature: predictor.temperature(),
        };
        Ok(Self { predictor, explainer, layer, occlusion })
    }

    /// The heat maps of one image: for `class`, or for the model's answer and the truth.
    fn explain(
        &mut self,
        subject: Subject,
        class: Option<usize>,
    ) -> anyhow::Result<(Explained, Image)> {
        let Subject { name, note, pixels, truth } = subject;
        let answers = self.predictor.answers(&pixels)?;
        let answer = answers.first().ok_or_else(|| anyhow!("{name}: has no pixels"))?;
        let mut classes = vec![class.unwrap_or(answer.class)];
        classes.extend(truth.filter(|truth| class.is_none() && *truth != answer.class));
        let mut maps = Vec::with_capacity(classes.len());
        for class in classes {
            maps.push((self.map(&pixels, class)?, class));
        }
        Ok(self.describe([name, note], pixels, truth, answer, maps))
    }

    fn map(&mut self, pixels: &[u8], class: usize) -> Result<HeatMap, ExplainError> {
        match &self.layer {
            Some(layer) => self.explainer.grad_cam(pixels, class, Some(layer)),
            None => occlusion(self.predictor.engine_mut().as_mut(), pixels, class, self.occlusion),
        }
    }

    /// The drawing and the printed row of one image.
    fn describe(
        &self,
        [name, note]: [String; 2],
        pixels: Vec<u8>,
        truth: Option<usize>,
        answer: &Answer,
        maps: Vec<(HeatMap, usize)>,
    ) -> (Explained, Image) {
        let known = |class: usize| self.predictor.classes()[class].clone();
        let file =
            Path::new(&name).file_name().map_or(name.as_str().into(), |n| n.to_string_lossy());
        let caption = match truth {
            Some(truth) => format!("is {}", known(truth)),
            None => "as the network sees it".to_owned(),
        };
        let printed = |(map, class): &(HeatMap, usize)| Map {
            class: known(*class),
            probability: answer.probabilities[*class],
            peak: map.peak,
            map: map.values.chunks_exact(map.width).map(<[f32]>::to_vec).collect(),
        };
        let image = Image {
            image: name.clone(),
            note,
            truth: truth.map(known),
            prediction: known(answer.class),
            probability: answer.probability,
            maps: maps.iter().map(printed).collect(),
        };
        let below = |(map, class): (HeatMap, usize)| {
            let caption = format!("{} {:.2}", known(class), answer.probabilities[class]);
            (map, caption)
        };
        let maps = maps.into_iter().map(below).collect();
        (Explained { title: file.into_owned(), caption, pixels, maps }, image)
    }
}

/// The error for a `--layer` that cannot be explained.
fn wrong_layer(error: ExplainError) -> Failure {
    match error {
        ExplainError::UnknownLayer(_) => {
            Failure::Usage(format!("--layer: {error}; `modiste summary MODEL` lists them"))
        }
        ExplainError::LayerWithoutMap(_) => Failure::Usage(format!("--layer: {error}")),
        other => Failure::Failed(other.into()),
    }
}

impl fmt::Display for Explanations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(3, ["image", "answer", "map for", "probability", "peak"]);
        for image in &self.images {
            for map in &image.maps {
                let [probability, peak] = [map.probability, f64::from(map.peak)];
                table.row([
                    image.image.clone(),
                    image.prediction.clone(),
                    map.class.clone(),
                    format!("{probability:.4}"),
                    format!("{peak:.4}"),
                ]);
            }
        }
        writeln!(f, "{table}")?;
        let at = self.layer.as_ref().map_or(String::new(), |layer| format!(", layer {layer}"));
        writeln!(f, "{}: {}{at}", self.out.display(), self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::find_class;

    #[test]
    fn names_of_classes_are_matched_by_case_if_necessary() {
        let classes = ["A", "a", "Shirt"].map(str::to_owned);
        for (name, found) in [("a", Some(1)), ("A", Some(0)), ("shirt", Some(2)), ("b", None)] {
            assert_eq!(find_class(&classes, name).ok(), found, "{name}");
        }
        let classes = ["Ab", "aB"].map(str::to_owned);
        assert!(find_class(&classes, "ab").is_err());
    }
}

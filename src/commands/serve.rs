//! `modiste serve`: a trained model behind HTTP.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use modiste_data::{Dataset, PartName};
use modiste_explain::{Explainer, HeatMap};
use modiste_files::read_text;
use modiste_metrics::worst_mistakes;
use modiste_model::Model;
use modiste_serve::{
    Bound, Card, CardError, ComputeLogits, Heat, ModelDescription, ModelOrigin, Options, Token,
    WrongImage,
};
use modiste_train::{check_fits, config_of};

use crate::cli::ServeArgs;
use crate::commands::{memory, model};
use crate::failure::{Failure, one_line};
use crate::{engine, machine, output};

/// The environment variable that may hold the token.
const TOKEN: &str = "MODISTE_TOKEN";
/// Number of mistakes that the page shows.
const MISTAKES: usize = 24;

/// Serves until the process is asked to stop.
pub fn run(args: ServeArgs) -> Result<(), Failure> {
    modiste_kernels::memory::return_large_blocks();
    let limits = args.limits.limits().map_err(Failure::Usage)?;
    let token = token(args.token_file.as_deref())?;
    let threads = args.threads.unwrap_or_else(machine::available_threads);
    let open = token.is_none();
    let options = Options {
        listen: args.listen,
        base: args.base_path,
        sites: args.allow_origin,
        token,
        limits,
        batching: args.batch.batching(),
        threads,
        watch: model::file(&args.model),
    };
    let ServeArgs { model, no_card, .. } = args;
    let load = move || load(&model, threads, !no_card).map_err(|error| one_line(&error));
    let started = |bound: &Bound| {
        let address = &bound.address;
        output::note(&format!("modiste: listening on {address}"));
        if open && bound.open {
            output::note(&format!(
                "modiste: note: anyone who can reach {address} can use it; see --token-file"
            ));
        }
    };
    Ok(modiste_serve::serve(options, Arc::new(load), started)?)
}

/// Largest token file, in bytes.
const MAX_TOKEN: u64 = 1 << 16;

/// The token from the file or the environment.
fn token(file: Option<&Path>) -> Result<Option<Token>, Failure> {
    let variable = std::env::var_os(TOKEN);
    let (name, text) = match (file, variable) {
        (Some(_), Some(_)) => {
            let problem = format!("--token-file and {TOKEN} are both set; use one of them");
            return Err(Failure::Usage(problem));
        }
        (None, None) => return Ok(None),
        (Some(path), None) => {
            let name = path.display().to_string();
            (name, read_text(path, MAX_TOKEN)?)
        }
        (None, Some(value)) => (TOKEN.to_owned(), value.to_string_lossy().into_owned()),
    };
    Ok(Some(Token::new(&text).with_context(|| format!("{name}: the token"))?))
}

/// Reads the model at `path`.
fn load(path: &Path, threads: usize, card: bool) -> anyhow::Result<modiste_serve::Model> {
    let model = Arc::new(model::load(path)?);
    let about = about(path, &model);
    let made = model.clone();
    let make = move || {
        let mut engine =
            engine::for_prediction(&made.network, threads).map_err(|e| e.to_string())?;
        engine.load_state(&made.state()).map_err(|e| e.to_string())?;
        Ok(engine)
    };
    let (explained, explainer) = (model.clone(), OnceLock::new());
    // Created by the first explanation and kept: it holds another copy of the parameters, in f64.
    let explain = move |pixels: &[u8], class| {
        memory::check_explaining(&explained.network)?;
        let make = || Explainer::new(&explained.network, &explained.parameters);
        let explainer = explainer.get_or_init(|| make().map_err(|error| error.to_string()));
        heat(explainer.as_ref().map_err(String::clone)?, pixels, class)
    };
    let path = path.to_owned();
    let evaluate = move |ask: &mut ComputeLogits<'_>| {
        if !card {
            return Err(CardError::None("the server was started without the card".into()));
        }
        evaluate(&path, &model, ask)
    };
    let (make, evaluate) = (Arc::new(make), Arc::new(evaluate));
    Ok(modiste_serve::Model { about, make, evaluate, explain: Arc::new(explain) })
}

/// The Grad-CAM heat map of a class, scaled to the size of the image.
fn heat(explainer: &Explainer, pixels: &[u8], class: usize) -> Result<Heat, String> {
    let shape = explainer.image_shape();
    let map = explainer.grad_cam(pixels, class, None).map_err(|error| error.to_string())?;
    let HeatMap { height, width, values, .. } = map.resized(shape.height, shape.width);
    Ok(Heat { height, width, values })
}

/// The description of a model.
fn about(path: &Path, model: &Model) -> ModelDescription {
    let chosen = &model.provenance.chosen;
    ModelDescription {
        name: name(path),
        version: format!("{:08x}", crc32fast::hash(&model.to_bytes())),
        classes: model.classes.clone(),
        image: model.network.input_shape(),
        parameters: model.network.trainable(),
        multiply_adds: model.network.multiply_adds(),
        temperature: model.temperature(false),
        background: model.background(),
        preparation: model.preparation,
        origin: ModelOrigin {
            modiste: model.provenance.modiste.clone(),
            data: model.provenance.data.clone(),
            split: model.provenance.split.clone(),
            epoch: chosen.epoch,
            validation_accuracy: chosen.validation_accuracy,
            validation_loss: chosen.validation_loss,
            validation_auroc: chosen.validation_auroc,
        },
    }
}

/// The last part of the path, so that clients do not see the folders.
fn name(path: &Path) -> String {
    let full = std::fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    full.file_name().unwrap_or(full.as_os_str()).to_string_lossy().into_owned()
}

/// Evaluates the model on its validation images, if they are available: embedded, or in the folder that
/// the configuration of its run names.
fn evaluate(path: &Path, model: &Model, ask: &mut ComputeLogits<'_>) -> Result<Card, CardError> {
    let data = images(path, model)?;
    let failed = |error: String| CardError::Failed(error);
    let part = data.part(PartName::Validation);
    let labels = part.labels.as_ref().ok_or_else(|| CardError::None(no_images(model)))?;
    if part.is_empty() {
        return Err(CardError::None("the model was trained without validation images".into()));
    }
    let logits = ask(&part.images.pixels).map_err(failed)?;
    let evaluation = modiste_model::evaluation(&logits, labels, &data.classes);
    let evaluation = evaluation.map_err(|error| failed(error.to_string()))?;
    let mistakes = worst_mistakes(&logits, labels, data.classes.len(), MISTAKES);
    let image = |mistake: modiste_metrics::Mistake| {
        let pixels = part.images.get(mistake.index).to_vec();
        WrongImage { mistake, pixels }
    };
    Ok(Card {
        part: PartName::Validation.to_string(),
        evaluation,
        mistakes: mistakes.into_iter().map(image).collect(),
        data: data.name,
        split: data.split,
    })
}

/// The images that the model was trained on.
fn images(path: &Path, model: &Model) -> Result<Dataset, CardError> {
    // The configuration in the run folder names the folder of the images.
    let folder = path.parent().filter(|folder| folder.join("config.toml").exists());
    let path = if path.is_dir() { path } else { folder.unwrap_or(path) };
    let none = || CardError::None(no_images(model));
    let config = config_of(path, model).map_err(|_| none())?;
    let data = config.load_data().map_err(|_| none())?;
    let same = data.name == model.provenance.data && data.classes == model.classes;
    let fits = same && check_fits(model, path, &data).is_ok() && model::is_trained_on(&data, model);
    fits.then_some(data).ok_or_else(none)
}

fn no_images(model: &Model) -> String {
    format!("the validation images of {} are not available on this machine", model.provenance.data)
}

//! A trained model, given by its file or its run folder, and its answers.

use std::path::{Path, PathBuf};

use anyhow::Context;
use modiste_data::{Dataset, PartName};
use modiste_model::{Answers, DataIdentity, Model, ModelError, Options, Predictor, RunFolder};
use modiste_spec::Engine;
use modiste_spec::engine::Weights;
use modiste_train::{Config, check_fits, config_of};

use crate::cli::{DataFlags, EngineArgs};
use crate::commands::{loaded, settings};
use crate::failure::Failure;
use crate::{engine, machine, output};

/// Images that go through the network together: enough to keep the threads busy, few enough for the
/// cache.
pub const AT_ONCE: usize = 64;

/// The model file at `path`, or that of the best epoch if `path` is a run folder.
pub fn file(path: &Path) -> PathBuf {
    if path.is_dir() { RunFolder::new(path).model() } else { path.to_owned() }
}

/// Checks that the files to be written, given with their options, are different from each other and from
/// the model at `path`.
pub fn check_outputs(path: &Path, outputs: &[(&str, Option<&Path>)]) -> Result<(), Failure> {
    for &(option, out) in outputs {
        if let Some(out) = out.filter(|out| same_file(out, &file(path))) {
            let out = out.display();
            let text = format!("{option} {out}: is the model itself; give another file");
            return Err(Failure::Usage(text));
        }
    }
    check_distinct(outputs)
}

/// Checks that the files, given with their options, are all different.
pub fn check_distinct(files: &[(&str, Option<&Path>)]) -> Result<(), Failure> {
    let given: Vec<(&str, &Path)> =
        files.iter().filter_map(|&(option, file)| Some((option, file?))).collect();
    for (i, &(option, out)) in given.iter().enumerate() {
        let shown = out.display();
        if let Some((other, _)) = given[..i].iter().find(|(_, other)| same_file(other, out)) {
            let text = format!("{option} {shown}: is also the file of {other}; give another");
            return Err(Failure::Usage(text));
        }
    }
    Ok(())
}

/// Whether both paths name the same file, which need not exist.
fn same_file(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize();
        path.canonicalize()
            .or(folder.map(|folder| folder.join(path.file_name().unwrap_or_default())))
    };
    matches!((whole(a), whole(b)), (Ok(a), Ok(b)) if a == b)
}

/// Rejects `--mirror` for images of one column, which it would not change.
pub fn check_mirror(model: &Model, mirror: bool) -> Result<(), Failure> {
    let shape = model.network.input_shape();
    if mirror && shape.width == 1 {
        return Err(Failure::Usage(format!("--mirror: has no effect on images of {shape}")));
    }
    Ok(())
}

/// Reads the model at `path`: a model file or a run folder.
pub fn load(path: &Path) -> Result<Model, ModelError> {
    Model::load(&file(path))
}

/// The data that the `model` at `path` was trained on, as changed by `flags`; checks that the model
/// can take its images.
pub fn data(path: &Path, model: &Model, flags: &DataFlags) -> Result<(Config, Dataset), Failure> {
    let mut config = config_of(path, model)?;
    need_folder(path, &config, model, flags)?;
    let trained_on = (config.data.split.clone(), config.data.split_seed);
    settings::apply(&mut config, &[&flags.0])?;
    let data = config.load_data_for(Some(model.preparation))?;
    loaded::tell(&data);
    check_fits(model, path, &data)?;
    let split = (config.data.split.clone(), config.data.split_seed);
    note_other_images(&data, model, &trained_on, &split);
    Ok((config, data))
}

/// Warns of another split or of other images than in training: the evaluated part may then contain
/// training images.
fn note_other_images(data: &Dataset, model: &Model, old: &(String, u64), new: &(String, u64)) {
    if data.name != model.provenance.data {
        return;
    }
    if old == new && !is_trained_on(data, model) {
        let name = &data.name;
        output::note(&format!(
            "modiste: note: {name} has other images than the model was trained on; some of these may \
             have been in its training set"
        ));
    }
    if old != new {
        let (old, new) = (&old.0, &new.0);
        output::note(&format!(
            "modiste: note: trained on split {old}; images of split {new} may have been in its training set"
        ));
    }
}

/// Whether the training and validation images of `data` are those of the model.
pub fn is_trained_on(data: &Dataset, model: &Model) -> bool {
    DataIdentity::of(data).checksum == model.provenance.data_checksum
}

/// Fails if the model file alone does not say where the images are.
fn need_folder(
    path: &Path,
    config: &Config,
    model: &Model,
    flags: &DataFlags,
) -> Result<(), Failure> {
    let given = flags.0.iter().any(|(path, _)| path == "data.source");
    if given || path.is_dir() || config.data.source == "embedded" {
        return Ok(());
    }
    let (path, name) = (path.display(), &model.provenance.data);
    Err(Failure::Usage(format!("{path}: was trained on {name}; give that folder with --data")))
}

/// The answers of `engine`, which has a model loaded, to one part of `data`.
pub fn answer<'a>(
    engine: &mut dyn Engine,
    data: &'a Dataset,
    part: PartName,
) -> Result<Answers<'a>, ModelError> {
    Answers::of(data, part, |pixels| engine.predict(pixels, Weights::Current))
}

/// A predictor with any engine.
pub type AnyPredictor = Predictor<Box<dyn Engine>>;

/// A predictor for `model` with the given options and number of threads.
pub fn predictor(
    path: &Path,
    model: Model,
    options: Options,
    threads: Option<usize>,
) -> anyhow::Result<AnyPredictor> {
    predictor_on(path, model, options, &EngineArgs::default(), threads)
}

/// A predictor for `model` on the chosen engine.
pub fn predictor_on(
    path: &Path,
    model: Model,
    options: Options,
    chosen: &EngineArgs,
    threads: Option<usize>,
) -> anyhow::Result<AnyPredictor> {
    let threads = threads.unwrap_or_else(machine::available_threads);
    let engine = engine::chosen_for_prediction(&model.network, chosen, threads)
        .with_context(|| path.display().to_string())?;
    Predictor::new(model, engine, options).with_context(|| path.display().to_string())
}

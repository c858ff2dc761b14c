//! The files of a run's report, made from the files of its folder.

use std::fs;
use std::path::{Path, PathBuf};

use modiste_data::PartName;
use modiste_draw::Picture;
use modiste_explain::{Explainer, overlay};
use modiste_files::{FileError, atomic_write};
use modiste_model::{Model, Pixels, RunFolder, Stored, StoredMistake, StoredPart};
use modiste_report::{MistakeImage, Page, mistakes_csv};

use crate::{ReportedRun, WriteupError};

/// Writes a page's files into `folder` and returns them; see [`Page::files`] for the other two.
///
/// # Errors
/// If a figure cannot be drawn or a file written.
pub fn write_files(
    folder: &Path,
    page: &Page,
    stem: &str,
    figures: &str,
) -> Result<Vec<PathBuf>, WriteupError> {
    let mut written = Vec::new();
    for (name, bytes) in page.files(stem, figures)? {
        let path = folder.join(name);
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(|error| FileError::io(parent, "create", error))?;
        }
        atomic_write(&path, &bytes)?;
        written.push(path);
    }
    Ok(written)
}

/// Writes the report of the run in `folder`, using only files in that folder; returns them.
///
/// # Errors
/// If a file of the folder is missing, damaged or cannot be written.
pub fn write_run(folder: &Path) -> Result<Vec<PathBuf>, WriteupError> {
    let run = ReportedRun::read(folder)?;
    let report = run.report()?;
    let mut files = Vec::new();
    if let Some(part) = run.stored.as_ref().and_then(|stored| stored.part(PartName::Validation)) {
        let path = RunFolder::new(folder).mistakes();
        let rows = mistakes_csv(&part.mistakes(), &report.classes, &part.files());
        atomic_write(&path, rows.as_bytes())?;
        files.push(path);
    }
    files.extend(write_files(folder, &report.page(), "report", "figures/")?);
    Ok(files)
}

/// The worst mistakes of `model` on the validation part, as stored in the run in `folder`.
///
/// # Errors
/// If none are stored, or the file is damaged.
pub fn mistakes(folder: &Path, model: &Model) -> Result<Vec<MistakeImage>, WriteupError> {
    if !folder.is_dir() {
        let problem = "is not a run with mistakes to explain; give pictures";
        return Err(WriteupError::folder(folder, problem));
    }
    let stored = Stored::load(&RunFolder::new(folder), Some(model))?;
    let part =
        stored.as_ref().and_then(|stored| Some((stored, stored.part(PartName::Validation)?)));
    let Some((stored, part)) = part else {
        let problem =
            "has no stored mistakes of its model (`modiste report` stores them); give pictures";
        return Err(WriteupError::folder(folder, problem));
    };
    pictures(stored, part)
}

/// The mistakes of a part whose images are stored.
pub(crate) fn pictures(
    stored: &Stored,
    part: &StoredPart,
) -> Result<Vec<MistakeImage>, WriteupError> {
    let [height, width] = stored.image;
    let picture = |Pixels(pixels): &Pixels| {
        let channels = pixels.len() / (height * width).max(1);
        Picture::new(pixels.clone(), [height, width, channels])
    };
    let shown = part.mistakes.iter().filter_map(|m| Some((m, m.image.as_ref()?)));
    let mistake = |(stored, image): (&StoredMistake, &Pixels)| {
        Ok(MistakeImage {
            mistake: stored.mistake.clone(),
            picture: picture(image)?,
            beside: stored.beside.iter().map(picture).collect::<Result<_, _>>()?,
        })
    };
    shown.map(mistake).collect()
}

/// Adds heat maps to the stored validation mistakes of `model`, which are the ones that reports show.
///
/// # Errors
/// If the model's parameters are not its network's, or pictures have another size.
pub fn explain(stored: &mut Stored, model: &Model) -> Result<(), WriteupError> {
    let shape = model.network.input_shape();
    let explainer = Explainer::new(&model.network, &model.parameters)?;
    let parts = stored.parts.iter_mut().filter(|part| part.part == PartName::Validation);
    // Networks without maps and images of two channels cannot be shown.
    if explainer.layer(None).is_err() || ![1, 3].contains(&shape.channels) {
        return Ok(());
    }
    for StoredMistake { mistake, image, beside, .. } in parts.flat_map(|part| &mut part.mistakes) {
        let Some(Pixels(pixels)) = image.as_ref().filter(|_| beside.is_empty()) else { continue };
        let map = explainer.grad_cam(pixels, mistake.prediction.into(), None)?;
        beside.push(Pixels(overlay(&map, pixels, shape, 1)?.pixels().to_vec()));
    }
    Ok(())
}

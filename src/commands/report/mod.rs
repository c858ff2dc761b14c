//! `modiste report`: rewrites the report of a run from its folder, or writes a page that compares runs.

mod folder;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use modiste_data::{Dataset, PartName};
use modiste_draw::Picture;
use modiste_explain::{Explainer, overlay};
use modiste_files::atomic_write;
use modiste_model::{
    Answers, Model, Options, Pixels, RunFolder, Stored, StoredMistake, StoredPart,
};
use modiste_report::{MistakeImage, Page, comparison, mistakes_csv};
use modiste_train::check_fits;
use serde::Serialize;

use crate::cli::ReportArgs;
use crate::commands::model;
use crate::failure::Failure;
use crate::output;
use folder::ReportedRun;

/// What is printed.
#[derive(Serialize)]
struct WrittenReport {
    #[serde(serialize_with = "output::all_shown")]
    runs: Vec<PathBuf>,
    /// The page.
    #[serde(serialize_with = "output::shown")]
    report: PathBuf,
    /// All files that were written, the page among them.
    #[serde(serialize_with = "output::all_shown")]
    files: Vec<PathBuf>,
}

/// Writes the page and prints its path.
pub fn run(args: ReportArgs) -> Result<(), Failure> {
    if args.test && args.runs.len() > 1 {
        return Err(Failure::Usage("--test: works on one run at a time".into()));
    }
    let mut runs = Vec::with_capacity(args.runs.len());
    for folder in &args.runs {
        runs.push(read_and_evaluate(folder, args.test, args.threads)?);
    }
    let (files, report) = match &runs[..] {
        [run] if args.out.is_none() => (write_run(&run.folder)?, run.folder.join("report.html")),
        runs => {
            let out = args.out.clone().unwrap_or_else(|| "comparison.html".into());
            (write_page(&page_of(runs)?, &out)?, out)
        }
    };
    let output = WrittenReport { runs: args.runs, report, files };
    if args.json {
        return Ok(output::print_json(&output)?);
    }
    let count = output.files.len();
    Ok(output::print(&format!("{} ({count} files in all)\n", output.report.display()))?)
}

/// The page of one run or of several.
fn page_of(runs: &[ReportedRun]) -> anyhow::Result<Page> {
    let mut reports = runs.iter().map(ReportedRun::report).collect::<Result<Vec<_>, _>>()?;
    // Runs are named after their folders or, if those names are not unique, by their paths as given.
    let names: Vec<String> = reports.iter().map(|report| report.name.clone()).collect();
    for (report, run) in reports.iter_mut().zip(runs) {
        if names.iter().filter(|name| **name == report.name).count() > 1 {
            report.name = run.folder.display().to_string();
        }
    }
    Ok(match &reports[..] {
        [report] => report.page(),
        reports => comparison(reports),
    })
}

/// Writes a page to `out`, with its Markdown and figures beside it under the same name.
fn write_page(page: &Page, out: &Path) -> Result<Vec<PathBuf>, Failure> {
    let stem = out.file_stem().and_then(|stem| stem.to_str());
    let html = out.extension().is_some_and(|extension| extension == "html");
    let Some(stem) = stem.filter(|_| html) else {
        return Err(Failure::Usage(format!("--out {}: must end in .html", out.display())));
    };
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok(write_files(parent.unwrap_or(Path::new("")), page, stem, &format!("{stem}-"))?)
}

/// Writes a page's files into `folder`; see [`Page::files`] for the other two.
pub fn write_files(
    folder: &Path,
    page: &Page,
    stem: &str,
    figures: &str,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for (name, bytes) in page.files(stem, figures)? {
        let path = folder.join(name);
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent)
                .with_context(|| format!("{}: failed to create", parent.display()))?;
        }
        atomic_write(&path, &bytes)?;
        written.push(path);
    }
    Ok(written)
}

/// Writes the report of the run in `folder`, using only files in that folder.
fn write_run(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
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
pub fn mistakes(folder: &Path, model: &Model) -> anyhow::Result<Vec<MistakeImage>> {
    let shown = folder.display();
    if !folder.is_dir() {
        bail!("{shown}: is not a run with mistakes to explain; give pictures");
    }
    let stored = Stored::load(&RunFolder::new(folder), Some(model))?;
    let part =
        stored.as_ref().and_then(|stored| Some((stored, stored.part(PartName::Validation)?)));
    let Some((stored, part)) = part else {
        bail!(
            "{shown}: has no stored mistakes of its model (`modiste report` stores them); give pictures"
        );
    };
    pictures(stored, part)
}

/// The mistakes of a part whose images are stored.
fn pictures(stored: &Stored, part: &StoredPart) -> anyhow::Result<Vec<MistakeImage>> {
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
fn explain(stored: &mut Stored, model: &Model) -> anyhow::Result<()> {
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

/// Stores the answers of a run's model and writes its report.
pub fn finish(
    folder: &Path,
    data: &Dataset,
    model: &Model,
    parts: &[(PartName, &Answers<'_>)],
) -> anyhow::Result<()> {
    // Keep the stored answers for other parts if they are from this model.
    let files = RunFolder::new(folder);
    let known = Stored::load(&files, Some(model)).ok().flatten();
    let mut stored = known.unwrap_or_else(|| Stored::new(model, data));
    for &(part, answers) in parts {
        stored.add(data, part, answers);
    }
    explain(&mut stored, model)?;
    stored.save(&files)?;
    write_run(folder).map(|_| ())
}

/// Reads the run in `folder`, and evaluates its model if its answers are not stored yet.
fn read_and_evaluate(
    folder: &Path,
    test: bool,
    threads: Option<usize>,
) -> Result<ReportedRun, Failure> {
    let mut run = ReportedRun::read(folder)?;
    let known = |part| run.stored.as_ref().is_some_and(|stored| stored.part(part).is_some());
    let wanted =
        [PartName::Train].into_iter().chain(run.validated().then_some(PartName::Validation));
    let wanted = wanted.chain(test.then_some(PartName::Test));
    let missing: Vec<PartName> = wanted.filter(|&part| !known(part)).collect();
    if missing.is_empty() {
        return Ok(run);
    }
    let Some(model) = &run.model else {
        let shown = folder.display();
        if test {
            return Err(Failure::Failed(anyhow::anyhow!(
                "{shown}: best.safetensors is missing, so the test set cannot be evaluated"
            )));
        }
        output::note(&format!(
            "modiste: note: {shown}: best.safetensors is missing; the report has only curves and settings"
        ));
        return Ok(run);
    };
    let names: Vec<String> = missing.iter().map(PartName::to_string).collect();
    let (shown, names) = (folder.display(), names.join(", "));
    output::note(&format!("modiste: {shown}: evaluating the model on: {names}"));
    let data = run.config.load_data()?;
    check_fits(model, folder, &data)?;
    let mut predictor = model::predictor(folder, model.clone(), Options::default(), threads)?;
    let mut stored = run.stored.take().unwrap_or_else(|| Stored::new(model, &data));
    for part in missing {
        let answers = predictor.evaluate(&data, part)?;
        stored.add(&data, part, &answers);
    }
    explain(&mut stored, model)?;
    stored.save(&RunFolder::new(folder))?;
    run.stored = Some(stored);
    Ok(run)
}

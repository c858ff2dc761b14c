//! `modiste report`: rewrites the report of a run from its folder, or writes a page that compares runs.

use std::path::{Path, PathBuf};

use modiste_data::PartName;
use modiste_model::{Options, RunFolder, Stored};
use modiste_report::{Page, comparison};
use modiste_train::check_fits;
use modiste_writeup::{ReportedRun, WriteupError, explain, write_files, write_run};
use serde::Serialize;

use crate::cli::ReportArgs;
use crate::commands::model;
use crate::failure::Failure;
use crate::output;

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
fn page_of(runs: &[ReportedRun]) -> Result<Page, WriteupError> {
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

//! `modiste predict`: a trained model's answers for pictures, or for a part of the data.
//!
//! Images are processed in batches and answers are written as they come, so memory does not grow with
//! the number of images.

mod feed;
mod submission;
mod write;

use std::path::Path;

use anyhow::anyhow;
use modiste_data::{Images, Part, PartName};
use modiste_model::{Model, Options, Reject};

use self::feed::{Failed, Feed, Row};
use self::submission::Submission;
use self::write::Writer;
use crate::cli::{AskArgs, PredictArgs};
use crate::commands::model::{self, AnyPredictor};
use crate::failure::Failure;
use crate::{engine, ranks};

/// Predicts and writes.
pub fn run(args: PredictArgs) -> Result<(), Failure> {
    ranks::join()?;
    ranks::agree(check_effect(&args))?;
    let (mut predictor, part, mut submission) = ranks::agree(prepare(&args))?;
    if let Some(part) = &part {
        let checksum = format!("{:08x}", crc32fast::hash(&part.images.pixels));
        ranks::check_alike(vec![
            ("the model's checksum".to_owned(), predictor.model().checksum()),
            ("the images' checksum".to_owned(), checksum),
            ("--mirror".to_owned(), args.ask.mirror.to_string()),
        ])?;
    }
    let mut writer = match ranks::is_first() {
        true => Some(Writer::new(&args, &predictor, part.is_none())?),
        false => None,
    };
    let mut sink = |rows: &[Row]| {
        submission.iter_mut().for_each(|submission| submission.add(rows));
        writer.as_mut().map_or(Ok(()), |writer| writer.rows(rows))
    };
    let mut feed = Feed::new(&mut predictor, &mut sink, single_file(&args));
    match &part {
        Some(part) => feed.part(part)?,
        None => args.inputs.iter().try_for_each(|input| feed.input(input))?,
    }
    let (answered, failed) = feed.finish()?;
    let Some(writer) = writer else { return Ok(()) };
    writer.finish(&failed)?;
    outcome(answered, &failed)?;
    if let Some(submission) = submission {
        submission.write()?;
    }
    Ok(())
}

/// The predictor, the part of the data, and the submission.
type Prepared = (AnyPredictor, Option<Part>, Option<Submission>);

/// The model, the part of the data if no inputs are given, and the submission if requested.
fn prepare(args: &PredictArgs) -> Result<Prepared, Failure> {
    if ranks::several() && !args.inputs.is_empty() {
        let text = "several ranks divide a part of the data; predict pictures with one process";
        return Err(Failure::Usage(text.to_owned()));
    }
    let outputs = [("--csv", args.csv.as_deref()), ("--submission", args.submission.as_deref())];
    model::check_outputs(&args.model, &outputs)?;
    let model = model::load(&args.model)?;
    model::check_mirror(&model, args.ask.mirror)?;
    let part = part(args, &model)?;
    let source = args.data.0.iter().find(|(path, _)| path == "data.source");
    let folder = source.map(|(_, folder)| Path::new(folder));
    let submission = Submission::find(args, folder, &model.classes)?;
    let options = Options {
        background: args.background.map(Into::into).unwrap_or_default(),
        ..options(&args.ask)
    };
    engine::check(&args.engine)?;
    let predictor = model::predictor_on(&args.model, model, options, &args.engine, args.threads)?;
    Ok((predictor, part, submission))
}

/// Rejects options that would have no effect.
fn check_effect(args: &PredictArgs) -> Result<(), Failure> {
    let table = !args.json && args.csv.is_none() && args.submission.is_none();
    let usage = |text: &str| Err(Failure::Usage(text.to_owned()));
    if args.probabilities && !args.json && args.csv.is_none() {
        return usage("--probabilities: has no effect without --csv or --json");
    }
    if args.top.is_some() && !args.json && !table {
        return usage("--top: has no effect on the files of --csv and --submission");
    }
    if args.submission.is_some() && (args.ask.reject.is_some() || args.ask.threshold.is_some()) {
        return usage(
            "--submission: a submission needs a class for every image; leave out --reject \
                      and --threshold",
        );
    }
    Ok(())
}

/// The part of the data to predict if no inputs are given.
fn part(args: &PredictArgs, model: &Model) -> Result<Option<Part>, Failure> {
    if !args.inputs.is_empty() {
        return Ok(None);
    }
    let (_, mut data) = model::data(&args.model, model, &args.data)?;
    let name = args.part.map_or(PartName::Test, PartName::from);
    let part = match name {
        PartName::Train => &mut data.train,
        PartName::Validation => &mut data.validation,
        PartName::Test => &mut data.test,
    };
    if part.is_empty() {
        let problem = format!("the {name} part of split {} has no images", data.split);
        return Err(anyhow!("{}: {problem}", data.name).into());
    }
    let pixels = std::mem::take(&mut part.images.pixels);
    let images = Images { shape: part.images.shape, pixels };
    Ok(Some(Part { images, labels: None, names: std::mem::take(&mut part.names) }))
}

/// The predictor options that the arguments ask for.
pub fn options(ask: &AskArgs) -> Options {
    let reject = match (ask.reject, ask.threshold) {
        (Some(accuracy), _) => Reject::Accuracy(accuracy),
        (None, Some(threshold)) => Reject::Under(threshold),
        (None, None) => Reject::Never,
    };
    Options { mirror: ask.mirror, reject, ..Options::default() }
}

/// Whether the only input is a single file, whose failure is then the failure of the command.
fn single_file(args: &PredictArgs) -> bool {
    matches!(&args.inputs[..], [input] if !input.is_dir())
}

/// Fails if any input failed; all others were answered.
fn outcome(answered: usize, failed: &[Failed]) -> Result<(), Failure> {
    match failed {
        [] => Ok(()),
        [only] if answered == 0 => Err(anyhow!("{}", only.problem).into()),
        [first, ..] => {
            let (count, problem) = (failed.len(), &first.problem);
            let inputs = if count == 1 { "input was" } else { "inputs were" };
            let images = if answered == 1 { "image was" } else { "images were" };
            let counts = format!("{count} {inputs} not answered, {answered} {images}");
            Err(anyhow!("{counts}: {problem}").into())
        }
    }
}

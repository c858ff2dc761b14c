//! `modiste data check`: label errors, copies, leaks between parts, odd pictures.
//!
//! `modiste-check` finds the problems; this module supplies the pictures and the networks that label
//! errors need, and prints and writes the findings.

mod findings;
mod folds;
mod page;
mod probabilities;

use std::fmt;
use std::path::PathBuf;

use modiste_check::{Copies, copies, label_errors, oddity};
use modiste_data::{Dataset, PartName, Split};
use modiste_files::atomic_write;
use modiste_train::{Config, choose_settings, own_pictures};
use modiste_views::{Table, grouped};
use serde::Serialize;

use self::findings::{Finding, Issue};
use crate::cli::CheckArgs;
use crate::commands::{model, settings};
use crate::failure::Failure;
use crate::{machine, output};

/// Runs the command.
pub fn run(args: CheckArgs) -> Result<(), Failure> {
    check_files(&args)?;
    let mut config = configuration(&args)?;
    let split: Split = config.data.split.parse()?;
    if let Split::Fold { .. } = split {
        let text =
            format!("{split}: is already a fold; give the split whose images are to be checked");
        return Err(Failure::Usage(text));
    }
    // Pictures are compared as pictures, even if the network takes them flat.
    let mut pictures = config.clone();
    pictures.set("network.architecture", "cnn")?;
    let data = pictures.load_data()?;
    if !is_fixed(&args) && own_pictures(&data) {
        config = choose_settings(&data, &config.data)?.config;
        settings::apply(&mut config, &args.settings.typed())?;
    }
    let threads = args.threads.unwrap_or_else(machine::available_threads);
    let pool = Pool::of(&data);
    let mut findings = pool.odd();
    findings.extend(pool.copies(args.similarity, threads));
    if !args.no_labels {
        let labels = pool.labels_checked();
        let probabilities = match &args.probabilities {
            Some(file) => probabilities::read(file, &data.classes, labels.len())?,
            None => folds::probabilities(&args, &config, &data, threads)?,
        };
        if let Some(file) = &args.save_probabilities {
            probabilities::write(file, &data, &probabilities)?;
        }
        let errors = label_errors(&probabilities, &labels, data.classes.len())?;
        findings.extend(errors.iter().map(|error| pool.label_error(error)));
    }
    findings::sort(&mut findings);
    show(&args, &data, findings)
}

/// Writes page and table, and prints a summary.
fn show(args: &CheckArgs, data: &Dataset, findings: Vec<Finding>) -> Result<(), Failure> {
    let page = page::page(data, &findings, !args.no_labels)?;
    atomic_write(&args.out, page.html().as_bytes())?;
    if let Some(file) = &args.csv {
        findings::write_csv(file, &findings)?;
    }
    let summary = Summary {
        data: data.name.clone(),
        split: data.split.clone(),
        images: PartName::ALL.map(|part| data.part(part).len()).iter().sum(),
        labels_checked: !args.no_labels,
        counts: Issue::ALL.map(|issue| Count {
            issue,
            pictures: findings.iter().filter(|finding| finding.issue == issue).count(),
        }),
        page: args.out.clone(),
        csv: args.csv.clone(),
        findings,
    };
    Ok(output::print_either(&summary, args.json)?)
}

/// Checks that the files to write are all different.
fn check_files(args: &CheckArgs) -> Result<(), Failure> {
    let files = [
        ("--out", Some(args.out.as_path())),
        ("--csv", args.csv.as_deref()),
        ("--save-probabilities", args.save_probabilities.as_deref()),
        ("--probabilities", args.probabilities.as_deref()),
    ];
    model::check_distinct(&files)
}

/// Whether the user chose the network; otherwise it is chosen from the pictures.
fn is_fixed(args: &CheckArgs) -> bool {
    let network = |path: &str| Config::path_of(path).is_ok_and(|path| path.starts_with("network."));
    let typed = args.settings.typed();
    let chosen = typed.iter().copied().flatten().any(|(path, _)| network(path));
    args.base.preset.is_some() || args.base.config.is_some() || chosen
}

/// The configuration that the user gave, else a network that learns enough of Fashion-MNIST in a few
/// epochs.
fn configuration(args: &CheckArgs) -> Result<Config, Failure> {
    if args.base.preset.is_some() || args.base.config.is_some() {
        return Ok(settings::build(&args.base, &args.settings.typed())?.0);
    }
    let mut config = folds::usual();
    settings::apply(&mut config, &args.settings.typed())?;
    Ok(config)
}

/// All pictures: test, then validation, then training pictures. Of two copies the later one is reported,
/// so that the one in the training set is left out.
struct Pool<'a> {
    data: &'a Dataset,
    images: Vec<&'a [u8]>,
    /// The end of each part.
    ends: [usize; 3],
}

const ORDER: [PartName; 3] = [PartName::Test, PartName::Validation, PartName::Train];

impl<'a> Pool<'a> {
    fn of(data: &'a Dataset) -> Self {
        let (mut images, mut ends) = (Vec::new(), [0; 3]);
        for (part, end) in ORDER.into_iter().zip(&mut ends) {
            let part = &data.part(part).images;
            images.extend((0..part.len()).map(|i| part.get(i)));
            *end = images.len();
        }
        Self { data, images, ends }
    }

    /// Part and position of picture `i`.
    fn place(&self, i: usize) -> (PartName, usize) {
        let part = self.ends.partition_point(|&end| end <= i);
        (ORDER[part], i - if part == 0 { 0 } else { self.ends[part - 1] })
    }

    fn odd(&self) -> Vec<Finding> {
        let channels = self.data.shape().channels;
        let odd = |(i, image): (usize, &&[u8])| Some((self.place(i), oddity(image, channels)?));
        let found = self.images.iter().enumerate().filter_map(odd);
        found.map(|(place, what)| Finding::odd(self.data, place, what)).collect()
    }

    /// Finds each picture's best match in every part.
    fn copies(&self, similarity: f64, threads: usize) -> Vec<Finding> {
        let shape = self.data.shape();
        let found = copies(&Copies {
            images: &self.images,
            shape: [shape.height, shape.width, shape.channels],
            groups: &self.ends,
            similarity,
            threads,
        });
        let finding = |m: &modiste_check::Match| {
            Finding::copy(self.data, self.place(m.image), self.place(m.of), m)
        };
        found.iter().map(finding).collect()
    }

    /// The labels of the pictures that have probabilities: training, then validation pictures.
    fn labels_checked(&self) -> Vec<u16> {
        let parts = [&self.data.train, &self.data.validation];
        parts.iter().filter_map(|part| part.labels.as_ref()).flatten().copied().collect()
    }

    fn label_error(&self, error: &modiste_check::LabelError) -> Finding {
        let train = self.data.train.len();
        let place = match error.image.checked_sub(train) {
            None => (PartName::Train, error.image),
            Some(i) => (PartName::Validation, i),
        };
        Finding::label(self.data, place, error)
    }
}

/// What is printed.
#[derive(Serialize)]
struct Summary {
    data: String,
    split: String,
    images: usize,
    labels_checked: bool,
    counts: [Count; Issue::ALL.len()],
    #[serde(serialize_with = "output::shown")]
    page: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    csv: Option<PathBuf>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Count {
    issue: Issue,
    pictures: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let images = grouped(self.images as u64);
        writeln!(f, "{}, split {}: {images} pictures", self.data, self.split)?;
        let mut table = Table::new(2, ["issue", "what it is", "pictures"]);
        for Count { issue, pictures } in &self.counts {
            let unknown = *issue == Issue::LabelError && !self.labels_checked;
            let count = if unknown { "-".to_owned() } else { grouped(*pictures as u64) };
            table.row([issue.to_string(), issue.about().to_owned(), count]);
        }
        writeln!(f, "\n{table}\nthe pictures: {}", self.page.display())?;
        match &self.csv {
            Some(csv) => {
                let csv = csv.display();
                writeln!(f, "the list: {csv}; train without the listed pictures: --exclude {csv}")
            }
            None => writeln!(f, "write a list for --exclude: --csv FILE"),
        }
    }
}

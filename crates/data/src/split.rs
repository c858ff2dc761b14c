//! Splits of the data into parts: stratified draws that depend only on a seed.

use std::fmt;
use std::str::FromStr;

use crate::DataError;
use crate::collection::Collection;
use crate::dataset::{Dataset, Part};
use crate::passed_over::Skipped;
use crate::stratify::{Pool, deal, fold, pick, proportional};

/// The seed of the two named splits, which are the same for everybody.
const NAMED_SEED: u64 = 2_021;
/// Images per class in the paper's training, validation and test part.
const PAPER: [usize; 3] = [500, 100, 100];

/// How images are divided into training, validation and test part.
///
/// All draws are stratified: each class is divided on its own. The images of a source's own test
/// part are used only for tests, and the named splits keep an unlabelled test part whole.
#[derive(Clone, Debug, PartialEq)]
pub enum Split {
    /// `paper`: 500 training, 100 validation and 100 test images per class, the same for everybody.
    Paper,
    /// `full`: everything. Uses the source's own parts; without a validation part, a sixth of the
    /// training images of each class (without a test part either, a seventh, and a seventh for
    /// test), the same for everybody.
    Full,
    /// `auto`: `full` if the source has its own validation or test part, otherwise 70 % of each
    /// class for training, 15 % for validation and 15 % for test, drawn with the given seed.
    Auto,
    /// `official`: the source's own test part for test, everything else for training, and no validation
    /// images, so the result is the model of the last epoch.
    Official,
    /// `5000/1000/1000`: this many images, in the proportions of the source's classes, drawn with
    /// the given seed. Training and validation images come from the source's training and
    /// validation parts, test images from its test part, or from the rest if it has none.
    Counts {
        /// Images to train on.
        train: usize,
        /// Images to validate on.
        validation: usize,
        /// Images to test on.
        test: usize,
    },
    /// `0.8/0.1/0.1`: shares that sum to 1. The source's own test part is taken whole, and the other two
    /// shares divide the rest in proportion.
    Fractions {
        /// Share to train on.
        train: f64,
        /// Share to validate on.
        validation: f64,
        /// Share to test on.
        test: f64,
    },
    /// `paper:fold=2/5`: one of several folds of the training and validation images of another
    /// split, for cross-validation. The fold is the validation part, all others are the training
    /// part, and the test part is unchanged. Every image is in one fold; the given seed draws them.
    Fold {
        /// The split whose training and validation images are pooled.
        of: Box<Split>,
        /// The fold that validates, from 1.
        fold: usize,
        /// Number of folds, from 2 to [`Split::MAX_FOLDS`].
        folds: usize,
    },
}

impl Split {
    /// Largest number of folds: more than ever help, and few enough for folders and tables.
    pub const MAX_FOLDS: usize = 100;

    /// The split itself, or the one whose images are in folds.
    pub fn base(&self) -> &Self {
        match self {
            Self::Fold { of, .. } => of,
            split => split,
        }
    }
}

/// Formatted as on the command line.
impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paper => f.write_str("paper"),
            Self::Full => f.write_str("full"),
            Self::Auto => f.write_str("auto"),
            Self::Official => f.write_str("official"),
            Self::Counts { train, validation, test } => write!(f, "{train}/{validation}/{test}"),
            Self::Fractions { train, validation, test } => {
                write!(f, "{train:?}/{validation:?}/{test:?}")
            }
            Self::Fold { of, fold, folds } => write!(f, "{of}:fold={fold}/{folds}"),
        }
    }
}

impl FromStr for Split {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let expected = "a split: auto, full, official, paper, counts such as 5000/1000/1000, \
                        or shares that sum to 1 such as 0.8/0.1/0.1; \
                        a fold of one of them such as paper:fold=1/5";
        let parsed = match text.split_once(':') {
            Some((of, rest)) => one_fold(of, rest),
            None => plain(text),
        };
        parsed.ok_or_else(|| DataError::Value { value: text.to_owned(), expected })
    }
}

/// Parses any split except a fold of another.
fn plain(text: &str) -> Option<Split> {
    match text {
        "paper" => Some(Split::Paper),
        "full" => Some(Split::Full),
        "auto" => Some(Split::Auto),
        "official" => Some(Split::Official),
        _ => counts(text).or_else(|| fractions(text)),
    }
}

/// Parses `fold=I/K` of the split `of`.
fn one_fold(of: &str, text: &str) -> Option<Split> {
    let (fold, folds) = text.strip_prefix("fold=")?.split_once('/')?;
    let (fold, folds) = (fold.parse().ok()?, folds.parse().ok()?);
    let fits = (2..=Split::MAX_FOLDS).contains(&folds) && (1..=folds).contains(&fold);
    fits.then_some(Split::Fold { of: Box::new(plain(of)?), fold, folds })
}

/// Parses `T/V/S` as whole numbers, with at least one training image.
fn counts(text: &str) -> Option<Split> {
    let parts: Vec<usize> = text.split('/').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let &[train, validation, test] = parts.as_slice() else { return None };
    (train > 0).then_some(Split::Counts { train, validation, test })
}

/// Parses `T/V/S` as shares that sum to 1.
fn fractions(text: &str) -> Option<Split> {
    let parts: Vec<f64> = text.split('/').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let &[train, validation, test] = parts.as_slice() else { return None };
    let sane = train > 0.0 && validation >= 0.0 && test >= 0.0;
    let whole = (train + validation + test - 1.0).abs() < 1e-6;
    (sane && whole).then_some(Split::Fractions { train, validation, test })
}

/// Divides `collection` by `split`; `seed` draws the splits that are not named.
pub(crate) fn divide(
    mut collection: Collection,
    split: &Split,
    seed: u64,
) -> Result<Dataset, DataError> {
    let resolved = resolve(split, &collection);
    let shown = resolved.to_string();
    let fail = |problem| {
        let (split, name) = (shown.clone(), collection.name.clone());
        DataError::Split { split, name, problem }
    };
    if collection.train.labels.is_none() {
        return Err(fail("the training images have no labels".to_owned()));
    }
    let shape = collection.train.images.shape;
    let parts = Sources {
        train: std::mem::replace(&mut collection.train, Part::empty(shape)),
        validation: collection.validation.take(),
        test: collection.test.take(),
        classes: &collection.classes,
    };
    let [train, validation, test] = draw(parts, &resolved, seed).map_err(&fail)?;
    let counts = train.class_counts(collection.classes.len()).unwrap_or_default();
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        let class = &collection.classes[class];
        return Err(fail(format!("no image of class {class} is left to train on")));
    }
    let mut notes = collection.notes;
    if *split.base() == Split::Auto {
        let [t, v, s] = [&train, &validation, &test].map(Part::len);
        let why = match resolved.base() {
            Split::Full => "the parts that the data has",
            _ => "70 / 15 / 15 % of each class, as the data has no parts",
        };
        notes.push(format!("{t} images to train on, {v} to validate on, {s} to test on: {why}"));
    }
    Ok(Dataset {
        name: collection.name,
        classes: collection.classes,
        split: shown,
        train,
        validation,
        test,
        preparation: collection.preparation,
        skipped: Skipped::default(),
        notes,
    })
}

/// Replaces `auto` by the split that it stands for.
fn resolve(split: &Split, collection: &Collection) -> Split {
    match split {
        Split::Auto if collection.validation.is_some() || collection.test.is_some() => Split::Full,
        Split::Auto => Split::Fractions { train: 0.7, validation: 0.15, test: 0.15 },
        Split::Fold { of, fold, folds } => {
            let of = Box::new(resolve(of, collection));
            Split::Fold { of, fold: *fold, folds: *folds }
        }
        split => split.clone(),
    }
}

/// The images to divide.
struct Sources<'a> {
    train: Part,
    validation: Option<Part>,
    test: Option<Part>,
    classes: &'a [String],
}

impl Sources<'_> {
    /// The images for training and validation together.
    fn join(&mut self) -> Part {
        let shape = self.shape();
        let mut pool = std::mem::replace(&mut self.train, Part::empty(shape));
        if let Some(validation) = self.validation.take() {
            pool.append(validation);
        }
        pool
    }

    /// The shape of every image.
    fn shape(&self) -> modiste_spec::Shape {
        self.train.images.shape
    }

    fn pool<'a>(&'a self, part: &'a Part) -> Pool<'a> {
        Pool { labels: part.labels.as_deref(), images: part.len(), classes: self.classes }
    }
}

/// Draws the three parts of any split.
fn draw(mut from: Sources<'_>, split: &Split, seed: u64) -> Result<[Part; 3], String> {
    match *split {
        Split::Paper => paper(from),
        Split::Full | Split::Auto => full(from),
        Split::Official => official(from),
        Split::Counts { train, validation, test } => {
            by_count(from, [train, validation, test], seed)
        }
        Split::Fractions { train, validation, test } => {
            by_share(from, [train, validation, test], seed)
        }
        Split::Fold { ref of, fold: number, folds } => {
            let classes = from.classes;
            let shape = from.shape();
            let nothing =
                Sources { train: Part::empty(shape), validation: None, test: None, classes };
            let [mut pool, validation, test] =
                draw(std::mem::replace(&mut from, nothing), of, seed)?;
            pool.append(validation);
            let [train, validation] = fold(from.pool(&pool), number, folds, seed)?;
            let [train, validation, _] = pick(pool, [train, validation, Vec::new()]);
            Ok([train, validation, test])
        }
    }
}

/// The split of the paper; parts that already have its sizes are used as they are.
fn paper(mut from: Sources<'_>) -> Result<[Part; 3], String> {
    let classes = from.classes.len();
    let [t, v, s] = PAPER.map(|each| vec![each; classes]);
    let shape = from.shape();
    let pool = std::mem::replace(&mut from.train, Part::empty(shape));
    let (train, validation, rest) = match from.validation.take() {
        Some(own) if pool.len() == PAPER[0] * classes && own.len() == PAPER[1] * classes => {
            (pool, own, None)
        }
        Some(own) => {
            let drawn = deal(from.pool(&pool), [&t, &[], &[]], NAMED_SEED, 0)?;
            let [train, _, _] = pick(pool, drawn);
            let drawn = deal(from.pool(&own), [&[], &v, &[]], NAMED_SEED, 1)?;
            let [_, validation, _] = pick(own, drawn);
            (train, validation, None)
        }
        None => {
            let s: &[usize] = if from.test.is_some() { &[] } else { &s };
            let drawn = deal(from.pool(&pool), [&t, &v, s], NAMED_SEED, 0)?;
            let [train, validation, test] = pick(pool, drawn);
            (train, validation, Some(test))
        }
    };
    let test = match (from.test.take(), rest) {
        (Some(own), _) if own.labels.is_none() => own,
        (Some(own), _) => {
            let drawn = deal(from.pool(&own), [&[], &[], &s], NAMED_SEED, 2)?;
            let [_, _, test] = pick(own, drawn);
            test
        }
        (None, Some(rest)) => rest,
        (None, None) => Part::empty(shape),
    };
    Ok([train, validation, test])
}

/// The split `full`.
fn full(mut from: Sources<'_>) -> Result<[Part; 3], String> {
    let shape = from.shape();
    if let Some(validation) = from.validation.take() {
        return Ok([from.train, validation, from.test.unwrap_or_else(|| Part::empty(shape))]);
    }
    let all = from.train.len();
    let counts = match &from.test {
        Some(test) => [all - all / 6, all / 6, test.len()],
        None => [all - 2 * (all / 7), all / 7, all / 7],
    };
    by_count(from, counts, NAMED_SEED)
}

/// The source's own test part; all other images are for training.
fn official(mut from: Sources<'_>) -> Result<[Part; 3], String> {
    let shape = from.shape();
    let test = from.test.take().filter(|test| test.labels.is_some());
    let test =
        test.ok_or("there is no labelled test part; use full, or shares such as 0.8/0.1/0.1")?;
    Ok([from.join(), Part::empty(shape), test])
}

/// Shares of the images for training and validation, or of all images if there is no test part.
fn by_share(from: Sources<'_>, shares: [f64; 3], seed: u64) -> Result<[Part; 3], String> {
    let all = from.train.len() + from.validation.as_ref().map_or(0, Part::len);
    let of = |share: f64| ((all as f64 * share).round() as usize).min(all);
    let [train, validation, test] = shares;
    let counts = match &from.test {
        Some(own) => {
            let validation = of(validation / (train + validation));
            [all - validation, validation, own.len()]
        }
        None => {
            let (validation, test) = (of(validation), of(test));
            [all.saturating_sub(validation + test), validation, test]
        }
    };
    by_count(from, counts, seed)
}

/// The given numbers of images, in the proportions of the classes.
fn by_count(mut from: Sources<'_>, counts: [usize; 3], seed: u64) -> Result<[Part; 3], String> {
    let pool = from.join();
    let [train, validation, test] = counts;
    let from_pool = if from.test.is_some() { 0 } else { test };
    let drawn = proportional(from.pool(&pool), [train, validation, from_pool], seed, 0)?;
    let [train, validation, rest] = pick(pool, drawn);
    let test = match from.test.take() {
        Some(own) => {
            let drawn = proportional(from.pool(&own), [0, 0, test], seed, 2)?;
            let [_, _, test] = pick(own, drawn);
            test
        }
        None => rest,
    };
    Ok([train, validation, test])
}

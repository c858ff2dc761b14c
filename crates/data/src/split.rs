//! Which images train, which validate, which test: stratified draws that depend on a seed alone.

use std::fmt;
use std::str::FromStr;

use crate::DataError;
use crate::collection::Collection;
use crate::dataset::{Dataset, Images, Part};
use crate::draw::{deal, fold, proportional};

/// The seed of the two named splits; they are the same images for everybody.
const NAMED_SEED: u64 = 2_021;
/// Images a class of the paper's training, validation and test part.
const PAPER: [usize; 3] = [500, 100, 100];

/// How images are divided into training, validation and test part.
///
/// All draws are stratified: each class is divided on its own. The images of a source's own test
/// part are only ever tested on, and an unlabelled test part is kept whole by the named splits.
#[derive(Clone, Debug, PartialEq)]
pub enum Split {
    /// `paper`: 500 training, 100 validation and 100 test images a class, the same for everybody.
    Paper,
    /// `full`: everything. The source's own parts; where it has no validation part, a sixth of the
    /// training images of each class (a seventh, and a seventh to test on, where it has no test
    /// part either), the same for everybody.
    Full,
    /// `5000/1000/1000`: so many images, shared out among the classes as the source has them,
    /// drawn with the given seed. Training and validation images come from what the source has for
    /// either, test images from its test part, or from the rest where it has none.
    Counts {
        /// Images to train on.
        train: usize,
        /// Images to validate on.
        validation: usize,
        /// Images to test on.
        test: usize,
    },
    /// `0.8/0.1/0.1`: shares that sum to 1. A test part that the source has is taken whole, and the
    /// other two shares divide the rest in their proportion.
    Fractions {
        /// Share to train on.
        train: f64,
        /// Share to validate on.
        validation: f64,
        /// Share to test on.
        test: f64,
    },
    /// `paper:fold=2/5`: one of so many folds over the training and validation images of another
    /// split, for cross-validation. The fold's images validate, all others train, and the test part
    /// stays what it was. Every image is in one fold; the given seed draws them.
    Fold {
        /// The split whose training and validation images are pooled.
        of: Box<Split>,
        /// The fold that validates, from 1.
        fold: usize,
        /// How many folds there are, from 2 to [`Split::MAX_FOLDS`].
        folds: usize,
    },
}

impl Split {
    /// The most folds: more than ever help, and few enough for folders and tables.
    pub const MAX_FOLDS: usize = 100;

    /// The split itself, or that whose images are in folds.
    pub fn base(&self) -> &Self {
        match self {
            Self::Fold { of, .. } => of,
            split => split,
        }
    }
}

/// As it is written on the command line.
impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paper => f.write_str("paper"),
            Self::Full => f.write_str("full"),
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
        let expected = "a split: paper, full, counts such as 5000/1000/1000, \
                        or shares that sum to 1 such as 0.8/0.1/0.1; \
                        a fold of one of them such as paper:fold=1/5";
        let parsed = match text.split_once(':') {
            Some((of, rest)) => one_fold(of, rest),
            None => plain(text),
        };
        parsed.ok_or_else(|| DataError::Value { value: text.to_owned(), expected })
    }
}

/// Any split but a fold of another.
fn plain(text: &str) -> Option<Split> {
    match text {
        "paper" => Some(Split::Paper),
        "full" => Some(Split::Full),
        _ => counts(text).or_else(|| fractions(text)),
    }
}

/// `fold=I/K` of the split `of`.
fn one_fold(of: &str, text: &str) -> Option<Split> {
    let (fold, folds) = text.strip_prefix("fold=")?.split_once('/')?;
    let (fold, folds) = (fold.parse().ok()?, folds.parse().ok()?);
    let fits = (2..=Split::MAX_FOLDS).contains(&folds) && (1..=folds).contains(&fold);
    fits.then_some(Split::Fold { of: Box::new(plain(of)?), fold, folds })
}

/// `T/V/S` as whole numbers, at least one image to train on.
fn counts(text: &str) -> Option<Split> {
    let parts: Vec<usize> = text.split('/').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let &[train, validation, test] = parts.as_slice() else { return None };
    (train > 0).then_some(Split::Counts { train, validation, test })
}

/// `T/V/S` as shares that sum to 1.
fn fractions(text: &str) -> Option<Split> {
    let parts: Vec<f64> = text.split('/').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let &[train, validation, test] = parts.as_slice() else { return None };
    let sane = train > 0.0 && validation >= 0.0 && test >= 0.0;
    let whole = (train + validation + test - 1.0).abs() < 1e-6;
    (sane && whole).then_some(Split::Fractions { train, validation, test })
}

/// Divides `collection` by `split`; `seed` is for the splits that are not named.
pub(crate) fn divide(
    collection: Collection,
    split: &Split,
    seed: u64,
) -> Result<Dataset, DataError> {
    let drawn = draw(&collection, split, seed);
    let split = split.to_string();
    let name = collection.name.clone();
    let fail = |problem| DataError::Split { split: split.clone(), name: name.clone(), problem };
    let [train, validation, test] = drawn.map_err(&fail)?;
    let counts = train.class_counts(collection.classes.len()).unwrap_or_default();
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        let class = &collection.classes[class];
        return Err(fail(format!("no image of class {class} is left to train on")));
    }
    Ok(Dataset { name, classes: collection.classes, split, train, validation, test })
}

/// The three parts of any split.
fn draw(from: &Collection, split: &Split, seed: u64) -> Result<[Part; 3], String> {
    match *split {
        Split::Paper => paper(from),
        Split::Full => full(from),
        Split::Counts { train, validation, test } => {
            by_count(from, [train, validation, test], seed)
        }
        Split::Fractions { train, validation, test } => {
            by_share(from, [train, validation, test], seed)
        }
        Split::Fold { ref of, fold: number, folds } => {
            let [train, validation, test] = draw(from, of, seed)?;
            let [train, validation] = fold(&join(&train, &validation), number, folds, from, seed)?;
            Ok([train, validation, test])
        }
    }
}

/// The split of the paper; parts that already have its sizes are taken as they are.
fn paper(from: &Collection) -> Result<[Part; 3], String> {
    let classes = from.classes.len();
    let [t, v, s] = PAPER.map(|each| vec![each; classes]);
    let (train, validation, rest) = match &from.validation {
        Some(own) if from.train.len() == PAPER[0] * classes && own.len() == PAPER[1] * classes => {
            (from.train.clone(), own.clone(), None)
        }
        Some(own) => {
            let [train, _, _] = deal(&from.train, [&t, &[], &[]], from, NAMED_SEED, 0)?;
            let [_, validation, _] = deal(own, [&[], &v, &[]], from, NAMED_SEED, 1)?;
            (train, validation, None)
        }
        None => {
            let s: &[usize] = if from.test.is_some() { &[] } else { &s };
            let [train, validation, test] = deal(&from.train, [&t, &v, s], from, NAMED_SEED, 0)?;
            (train, validation, Some(test))
        }
    };
    let test = match (&from.test, rest) {
        (Some(own), _) if own.labels.is_none() => own.clone(),
        (Some(own), _) => {
            let [_, _, test] = deal(own, [&[], &[], &s], from, NAMED_SEED, 2)?;
            test
        }
        (None, Some(rest)) => rest,
        (None, None) => nothing(from),
    };
    Ok([train, validation, test])
}

/// Everything there is.
fn full(from: &Collection) -> Result<[Part; 3], String> {
    if let Some(validation) = &from.validation {
        let test = from.test.clone().unwrap_or_else(|| nothing(from));
        return Ok([from.train.clone(), validation.clone(), test]);
    }
    let all = from.train.len();
    let counts = match &from.test {
        Some(test) => [all - all / 6, all / 6, test.len()],
        None => [all - 2 * (all / 7), all / 7, all / 7],
    };
    by_count(from, counts, NAMED_SEED)
}

/// Shares of all that may be trained on, and of all where there is no test part.
fn by_share(from: &Collection, shares: [f64; 3], seed: u64) -> Result<[Part; 3], String> {
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

/// So many images, in the classes' proportions.
fn by_count(from: &Collection, counts: [usize; 3], seed: u64) -> Result<[Part; 3], String> {
    let joined;
    let pool = match &from.validation {
        Some(validation) => {
            joined = join(&from.train, validation);
            &joined
        }
        None => &from.train,
    };
    let [train, validation, test] = counts;
    let from_pool = if from.test.is_some() { 0 } else { test };
    let parts = proportional(pool, [train, validation, from_pool], from, seed, 0)?;
    let [train, validation, rest] = parts;
    let test = match &from.test {
        Some(own) => {
            let [_, _, test] = proportional(own, [0, 0, test], from, seed, 2)?;
            test
        }
        None => rest,
    };
    Ok([train, validation, test])
}

/// Both parts as one.
fn join(a: &Part, b: &Part) -> Part {
    let pixels = [a.images.pixels.as_slice(), &b.images.pixels].concat();
    let labels = a.labels.as_ref().zip(b.labels.as_ref()).map(|(a, b)| [a.as_slice(), b].concat());
    Part { images: Images { shape: a.images.shape, pixels }, labels }
}

/// A part with no image.
fn nothing(from: &Collection) -> Part {
    let shape = from.train.images.shape;
    Part { images: Images { shape, pixels: Vec::new() }, labels: Some(Vec::new()) }
}

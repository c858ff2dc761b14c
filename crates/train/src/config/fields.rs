//! Every leaf of the configuration by its dotted path: the one mechanism behind flags, files and
//! grids.

use modiste_spec::Architecture;
use toml::{Table, Value};

use super::{ClassWeights, Config, toml_error};
use crate::{Schedule, TrainError};

/// One leaf of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Dotted path, as in `training.batch`.
    pub path: &'static str,
    /// Its value, as [`Config::set`] takes it.
    pub value: String,
    /// One line about it.
    pub doc: &'static str,
}

/// Path and one line about each leaf.
const FIELDS: [(&str, &str); 45] = [
    ("data.source", "where images come from: embedded, or a folder"),
    (
        "data.split",
        "paper, full, counts as 5000/1000/1000, shares as 0.8/0.1/0.1, or a fold of those as paper:fold=1/5",
    ),
    ("data.split_seed", "draws a split of counts or shares, and folds"),
    ("network.architecture", "inception_resnet (the paper's), cnn or mlp"),
    ("network.length", "L, the number of Inception-ResNet blocks"),
    ("network.width", "W, the number of branches of a block"),
    ("network.dropout", "D, the dropout rate"),
    ("network.dropout_places", "where dropout stands: of input,blocks,reduction,dense"),
    ("network.stem_stride", "stride of the first convolution: 1 in the paper, 2 costs a quarter"),
    ("network.residual", "whether a block adds its input"),
    ("network.residual_scale", "factor of a block's projection in that sum"),
    ("network.channels", "cnn: channels of the first stage, each further one has twice as many"),
    ("network.stages", "cnn: pairs of convolutions, with pooling between them"),
    ("network.units", "mlp: units of a hidden layer"),
    ("network.layers", "mlp: hidden layers"),
    ("training.epochs", "passes over the training images"),
    ("training.batch", "images a step"),
    ("training.seed", "decides initial values, order, augmentation and dropout masks"),
    ("training.label_smoothing", "probability mass given evenly to all classes"),
    ("training.class_weights", "none, balanced, or one number a class as 1,2,1"),
    ("training.select_by", "what chooses the best epoch: validation accuracy or loss"),
    ("training.checkpoint_minutes", "minutes between checkpoints within an epoch, 0 for none"),
    ("training.augmentation.flip", "mirror each image with probability 1/2"),
    ("training.augmentation.alternating_flip", "mirror each image every other epoch"),
    ("training.augmentation.shift", "move by up to so many pixels"),
    ("training.augmentation.shift_edge", "fill what a shift uncovers with the edge, not black"),
    ("training.augmentation.cutout", "side of a square that is blackened, 0 for none"),
    ("training.augmentation.erase", "probability that a rectangle is filled with noise"),
    ("training.schedule.kind", "constant, plateau, cosine or one_cycle"),
    ("training.schedule.learning_rate", "the first, constant or largest learning rate"),
    ("training.schedule.factor", "plateau: what a reduction multiplies the learning rate by"),
    ("training.schedule.patience", "plateau: epochs without improvement before a reduction"),
    ("training.schedule.threshold", "plateau: part of the loss that an improvement must exceed"),
    ("training.schedule.cooldown", "plateau: epochs after a reduction that are not counted"),
    ("training.schedule.floor", "plateau, cosine: the lowest learning rate"),
    ("training.schedule.warmup_epochs", "cosine: epochs of linear warm-up"),
    ("training.schedule.warmup_fraction", "one_cycle: part of all steps that the way up takes"),
    ("training.schedule.start_divisor", "one_cycle: largest by first learning rate"),
    ("training.schedule.end_divisor", "one_cycle: first by last learning rate"),
    ("training.optimiser.beta1", "Adam's decay of the first moment"),
    ("training.optimiser.beta2", "Adam's decay of the second moment"),
    ("training.optimiser.epsilon", "added to the root of the second moment"),
    ("training.optimiser.weight_decay", "decoupled decay of the weights (AdamW)"),
    ("training.early_stopping.patience", "epochs without improvement before stopping, 0: never"),
    ("training.early_stopping.min_delta", "what an improvement must exceed"),
];

const KIND: &str = "training.schedule.kind";
const ARCHITECTURE: &str = "network.architecture";

impl Config {
    /// Every leaf that this configuration has, in the order of the file.
    pub fn fields(&self) -> Vec<Field> {
        let table = self.table();
        let field = |&(path, doc): &(&'static str, &'static str)| {
            let value = text(lookup(&table, path)?);
            Some(Field { path, value, doc })
        };
        FIELDS.iter().filter_map(field).collect()
    }

    /// The leaves that decide which others there are; setting one brings the usual values of those,
    /// so it comes before them.
    pub const KINDS: [&str; 2] = [ARCHITECTURE, KIND];

    /// Every leaf that some configuration has, with its doc: those of all architectures and schedules
    /// included.
    pub fn all_fields() -> impl Iterator<Item = (&'static str, &'static str)> {
        FIELDS.into_iter()
    }

    /// The full path of a leaf from itself or from its last part, as [`Config::set`] takes it.
    ///
    /// # Errors
    /// If there is no such field (the nearest is named), or several end with it.
    pub fn path_of(path: &str) -> Result<&'static str, TrainError> {
        resolve(path)
    }

    /// Sets one leaf from text: `set("training.batch", "64")`.
    ///
    /// The last part of the path will do where no other field ends with it: `batch`. Lists are
    /// written with commas. Setting one of [`Config::KINDS`] starts from the usual settings of that
    /// kind, so it comes before them.
    ///
    /// # Errors
    /// If there is no such field (the nearest is named), it does not belong to the present
    /// architecture or schedule, or the text is no value for it; then nothing has changed. Whether values make sense together
    /// is for [`Config::check`] to say.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), TrainError> {
        let path = resolve(path)?;
        match path {
            KIND => return self.set_schedule(value),
            ARCHITECTURE => return self.set_architecture(value),
            _ => {}
        }
        let mut table = self.table();
        let Some(slot) = lookup_mut(&mut table, path) else {
            let whole = match path.starts_with("network.") {
                true => format!("architecture {}", self.network.kind()),
                false => format!("schedule {}", self.training.schedule.kind()),
            };
            return Err(TrainError::config(path, format!("has no effect on the {whole}")));
        };
        let fail = |problem: String| TrainError::config(path, problem);
        *slot = match path {
            "training.class_weights" => ClassWeights::from_text(value),
            _ => parse_like(slot, value),
        }
        .map_err(fail)?;
        *self = table.try_into().map_err(|e: toml::de::Error| {
            fail(format!("{value:?} will not do: {}", e.message().trim().replace('\n', ", ")))
        })?;
        Ok(())
    }

    /// Sets what a file says, which need not be complete; `name` is the file's, for errors.
    ///
    /// # Errors
    /// If it is no TOML, or a field is unknown or its value will not do; then nothing has changed.
    pub fn overlay(&mut self, contents: &str, name: &str) -> Result<(), TrainError> {
        let table: Table = toml::from_str(contents).map_err(|e| toml_error(contents, name, &e))?;
        let mut leaves = Vec::new();
        collect_leaves("", &table, &mut leaves);
        leaves.sort_by_key(|(path, _)| !Self::KINDS.contains(&path.as_str()));
        let mut changed = self.clone();
        for (path, value) in leaves {
            let known = FIELDS.iter().any(|(field, _)| *field == path);
            let set = if known { changed.set(&path, &value) } else { Err(unknown(&path)) };
            set.map_err(|e| TrainError::file(name, e.to_string()))?;
        }
        *self = changed;
        Ok(())
    }

    /// The first leaf that differs in `other`: its path, its value here and its value there.
    pub fn first_difference(&self, other: &Self) -> Option<[String; 3]> {
        let (here, there) = (self.table(), other.table());
        let value = |table, path| lookup(table, path).map_or("absent".into(), text);
        let differs = |path: &&str| lookup(&here, path) != lookup(&there, path);
        let path = FIELDS.iter().map(|(path, _)| *path).find(differs)?;
        Some([path.into(), value(&here, path), value(&there, path)])
    }

    fn set_schedule(&mut self, kind: &str) -> Result<(), TrainError> {
        if kind == self.training.schedule.kind() {
            return Ok(());
        }
        self.training.schedule = Schedule::of_kind(kind).ok_or_else(|| {
            let kinds = Schedule::KINDS.join(", ");
            TrainError::config(KIND, format!("{kind:?} is not one of {kinds}"))
        })?;
        Ok(())
    }

    fn set_architecture(&mut self, kind: &str) -> Result<(), TrainError> {
        if kind == self.network.kind() {
            return Ok(());
        }
        self.network = Architecture::of_kind(kind).ok_or_else(|| {
            let kinds = Architecture::KINDS.join(", ");
            TrainError::config(ARCHITECTURE, format!("{kind:?} is not one of {kinds}"))
        })?;
        Ok(())
    }

    fn table(&self) -> Table {
        Table::try_from(self).expect("a configuration is a table")
    }
}

/// The full path of a field from itself or from its last part.
fn resolve(path: &str) -> Result<&'static str, TrainError> {
    let paths = || FIELDS.iter().map(|(field, _)| *field);
    if let Some(field) = paths().find(|field| *field == path) {
        return Ok(field);
    }
    let ends = |field: &&str| field.strip_suffix(path).is_some_and(|head| head.ends_with('.'));
    let matches: Vec<_> = paths().filter(ends).collect();
    match matches.as_slice() {
        [field] => Ok(field),
        [] => Err(unknown(path)),
        several => {
            Err(TrainError::config(path, format!("is one of {}: name it", several.join(", "))))
        }
    }
}

fn unknown(path: &str) -> TrainError {
    let last = |path: &str| path.rsplit('.').next().unwrap_or("").to_owned();
    let distance = |field: &str| edits(path, field).min(edits(&last(path), &last(field)));
    let nearest = FIELDS.iter().map(|(field, _)| *field).min_by_key(|field| distance(field));
    let problem = format!("no such field; the nearest is {}", nearest.unwrap_or("none"));
    TrainError::config(path.escape_debug().to_string(), problem)
}

/// Levenshtein's distance: insertions, deletions and replacements that make `a` of `b`.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

fn lookup<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let (head, leaf) = path.rsplit_once('.')?;
    let table = head.split('.').try_fold(table, |table, key| table.get(key)?.as_table())?;
    table.get(leaf)
}

fn lookup_mut<'a>(table: &'a mut Table, path: &str) -> Option<&'a mut Value> {
    let (head, leaf) = path.rsplit_once('.')?;
    let step = |table: &'a mut Table, key| table.get_mut(key)?.as_table_mut();
    head.split('.').try_fold(table, step)?.get_mut(leaf)
}

/// `value` read as the kind of thing that `old` is.
fn parse_like(old: &Value, value: &str) -> Result<Value, String> {
    let not = |what: &str| format!("{value:?} is not {what}");
    match old {
        Value::Integer(_) => {
            let number: Option<u64> = value.parse().ok();
            let number = number.and_then(|number| i64::try_from(number).ok());
            number.map(Value::Integer).ok_or_else(|| not("a whole number from 0 up"))
        }
        Value::Float(_) => value.parse().map(Value::Float).map_err(|_| not("a number")),
        Value::Boolean(_) => value.parse().map(Value::Boolean).map_err(|_| not("true or false")),
        Value::Array(_) => {
            let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
            Ok(Value::Array(parts.map(|part| Value::String(part.into())).collect()))
        }
        Value::String(_) => Ok(Value::String(value.into())),
        Value::Datetime(_) | Value::Table(_) => Err(not("a value of this field")),
    }
}

/// A value as [`Config::set`] takes it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn collect_leaves(prefix: &str, table: &Table, leaves: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(inner) => collect_leaves(&path, inner, leaves),
            leaf => leaves.push((path, text(leaf))),
        }
    }
}

//! Configurations as values by path: reading, writing and setting single fields.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use modiste_model::perhaps_newer;
use modiste_spec::Range;
use toml::{Table, Value};

use super::{Config, FIELDS, Field, toml_error};
use crate::TrainError;

/// A field and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Dotted path of the field, as in `training.batch`.
    pub path: &'static str,
    /// The value as [`Config::set`] takes it.
    pub value: String,
}

pub(super) type Values = BTreeMap<&'static str, Value>;

impl Config {
    /// The fields of this configuration with their values, in the order of the file.
    pub fn settings(&self) -> Vec<Setting> {
        let values = self.values();
        let setting = |field: &Field| {
            Some(Setting { path: field.path, value: text(values.get(field.path)?) })
        };
        FIELDS.iter().filter_map(setting).collect()
    }

    /// The value of one field, if this configuration has it.
    pub fn value(&self, path: &str) -> Option<String> {
        self.values().get(path).map(text)
    }

    /// Whether the field at `path` decides which other fields there are. Setting it resets those
    /// to their defaults, so it has to come before them.
    pub fn is_kind(path: &str) -> bool {
        FIELDS.iter().any(|field| field.is_kind && field.path == path)
    }

    /// Finds a field by its path or the end of it, as in [`Config::set`].
    ///
    /// # Errors
    /// If there is no such field (the error names the nearest), or several match.
    pub fn field(path: &str) -> Result<&'static Field, TrainError> {
        if let Ok(field) = exact(path) {
            return Ok(field);
        }
        let ends =
            |field: &&Field| field.path.strip_suffix(path).is_some_and(|head| head.ends_with('.'));
        let matches: Vec<&Field> = FIELDS.iter().filter(ends).collect();
        match matches.as_slice() {
            [field] => Ok(field),
            [] => Err(unknown(path)),
            several => {
                let paths: Vec<&str> = several.iter().map(|field| field.path).collect();
                let problem = format!("is ambiguous; give the whole path: {}", paths.join(" or "));
                Err(TrainError::config(path, problem))
            }
        }
    }

    /// The full path of a field, given its path or the end of it.
    ///
    /// # Errors
    /// As [`Config::field`].
    pub fn path_of(path: &str) -> Result<&'static str, TrainError> {
        Ok(Self::field(path)?.path)
    }

    /// Sets one field from text: `set("training.batch", "64")`.
    ///
    /// The end of the path is enough if it is unique: `batch`. List items are separated by commas.
    /// Setting another kind of network or schedule resets its fields to the defaults of that kind,
    /// so set kinds first.
    ///
    /// # Errors
    /// If there is no such field (the error names the nearest), it does not belong to the current
    /// kind, or the value is out of range; then nothing has changed. [`Config::check`] checks
    /// whether values make sense together.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), TrainError> {
        let field = Self::field(path)?;
        self.assign(field, field.read(value)?)
    }

    /// Sets the fields in a file, which may be incomplete; errors name the file `name`.
    ///
    /// # Errors
    /// If the file is not valid TOML, a field is unknown or a value is out of range; then nothing
    /// has changed.
    pub fn overlay(&mut self, contents: &str, name: &str) -> Result<(), TrainError> {
        let mut leaves = leaves_of(contents, name)?;
        leaves.sort_by_key(|(path, _)| !Self::is_kind(path));
        let mut changed = self.clone();
        for (path, value) in leaves {
            let set = exact(&path).and_then(|field| changed.assign(field, accept(field, value)?));
            set.map_err(|e| TrainError::file(name, e.to_string()))?;
        }
        *self = changed;
        Ok(())
    }

    /// Reads a complete configuration; errors name the file `name`.
    ///
    /// # Errors
    /// If the file is not valid TOML, a field is missing or unknown, or a value is out of range.
    pub fn parse(contents: &str, name: &str) -> Result<Self, TrainError> {
        let leaves = leaves_of(contents, name)?;
        let config = Self::complete(leaves).and_then(|config| config.check().map(|()| config));
        config.map_err(|e| TrainError::file(name, perhaps_newer(&e.to_string())))
    }

    fn complete(leaves: Vec<(String, Value)>) -> Result<Self, TrainError> {
        let mut given = Values::new();
        for (path, value) in leaves {
            let field = exact(&path)?;
            given.insert(field.path, accept(field, value)?);
        }
        let mut values = Values::new();
        // Kinds first, because they decide which other fields must exist.
        for kinds in [true, false] {
            for field in FIELDS.iter().filter(|field| field.is_kind == kinds) {
                if !belongs(field, &values) {
                    continue;
                }
                let absent = || field.absent.map(|value| written(field, value));
                let value = given.remove(field.path).or_else(absent);
                let missing = || TrainError::config(field.path, "is missing");
                values.insert(field.path, value.ok_or_else(missing)?);
            }
        }
        match given.keys().next() {
            Some(path) => Err(no_effect(exact(path)?, &values)),
            None => Self::from_values(values),
        }
    }

    /// The contents of `config.toml`: every field, except those with the value that their absence
    /// implies.
    pub fn to_toml(&self) -> String {
        let values = self.values();
        let (mut file, mut open) = (String::new(), "");
        for field in FIELDS {
            let Some(value) = values.get(field.path) else { continue };
            if field.absent.is_some_and(|absent| written(field, absent) == *value) {
                continue;
            }
            let (table, key) = field.parts();
            if table != open {
                let gap = if open.is_empty() { "" } else { "\n" };
                file += &format!("{gap}[{table}]\n");
                open = table;
            }
            file += &format!("{key} = {value}\n");
        }
        file
    }

    /// The first field that differs in `other`: its path, its value here and its value in `other`.
    pub fn first_difference(&self, other: &Self) -> Option<[String; 3]> {
        if self == other {
            return None;
        }
        let (here, there) = (self.values(), other.values());
        let field = FIELDS.iter().find(|field| here.get(field.path) != there.get(field.path))?;
        let value = |values: &Values| values.get(field.path).map_or("absent".into(), text);
        Some([field.path.into(), value(&here), value(&there)])
    }

    fn assign(&mut self, field: &'static Field, value: Value) -> Result<(), TrainError> {
        let mut values = self.values();
        match values.get(field.path) {
            Some(old) if *old == value => return Ok(()),
            Some(_) => {}
            None => return Err(no_effect(field, &values)),
        }
        if field.is_kind {
            let table = field.parts().0;
            values.retain(|path, _| path.rsplit_once('.').is_none_or(|(of, _)| of != table));
            values.insert(field.path, value);
            begin(&mut values, table);
        } else {
            values.insert(field.path, value);
        }
        *self = Self::from_values(values)?;
        Ok(())
    }

    fn values(&self) -> Values {
        self.try_values().expect("the whole numbers of a checked configuration fit into a file")
    }

    /// All fields by path.
    pub(super) fn try_values(&self) -> Result<Values, TrainError> {
        let table = Table::try_from(self).map_err(|_| {
            let problem = format!("a whole number in it is above {}", Range::MAX_WHOLE);
            TrainError::config("configuration", problem)
        })?;
        let mut leaves = Vec::new();
        collect_leaves("", table, &mut leaves);
        leaves.into_iter().map(|(path, value)| Ok((exact(&path)?.path, value))).collect()
    }

    fn from_values(values: Values) -> Result<Self, TrainError> {
        let mut root = Table::new();
        for (path, value) in values {
            let mut table = &mut root;
            let mut keys = path.split('.').peekable();
            while let Some(key) = keys.next() {
                if keys.peek().is_none() {
                    table.insert(key.into(), value);
                    break;
                }
                let inner = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
                table = inner.as_table_mut().expect("no field is the table of another");
            }
        }
        root.try_into().map_err(|e: toml::de::Error| {
            TrainError::config("configuration", e.message().trim().replace('\n', ", "))
        })
    }

    /// The configuration in which every field has its default.
    pub(super) fn defaults() -> Self {
        let mut values = Values::new();
        for field in FIELDS.iter().filter(|field| field.is_kind) {
            values.insert(field.path, written(field, field.default_of("")));
        }
        let mut tables: Vec<&str> = FIELDS.iter().map(|field| field.parts().0).collect();
        tables.dedup();
        for table in tables {
            begin(&mut values, table);
        }
        Self::from_values(values).expect("defaults are a configuration")
    }
}

impl Field {
    /// `value` in this field's canonical form: `0.30` becomes `0.3`.
    ///
    /// # Errors
    /// If it is out of range.
    pub fn normalise(&self, value: &str) -> Result<String, TrainError> {
        self.read(value).map(|value| text(&value))
    }

    fn read(&self, text: &str) -> Result<Value, TrainError> {
        match read(&self.range, text) {
            Some(value) if fits(&self.range, &value) => Ok(value),
            Some(number @ (Value::Integer(_) | Value::Float(_))) => {
                Err(out_of_range(self, &number.to_string()))
            }
            _ => Err(out_of_range(self, &format!("{text:?}"))),
        }
    }
}

/// Gives the fields of `table` the defaults of its kind, which must be set.
fn begin(values: &mut Values, table: &str) {
    for field in FIELDS.iter().filter(|field| field.parts().0 == table && !field.is_kind) {
        let kind = field.kind_field().map_or("", |kind| kind_in(kind, values)).to_owned();
        if field.belongs_to(&kind) {
            values.insert(field.path, written(field, field.default_of(&kind)));
        }
    }
}

fn kind_in<'a>(kind: &Field, values: &'a Values) -> &'a str {
    values.get(kind.path).and_then(Value::as_str).unwrap_or("")
}

/// Whether a configuration of the kinds in `values` has the field.
fn belongs(field: &Field, values: &Values) -> bool {
    match field.kind_field() {
        Some(kind) if !field.is_kind => field.belongs_to(kind_in(kind, values)),
        _ => true,
    }
}

fn no_effect(field: &Field, values: &Values) -> TrainError {
    let kind = field.kind_field().map_or_else(String::new, |kind| {
        format!(" on the {} {}", kind.noun(), kind_in(kind, values))
    });
    TrainError::config(field.path, format!("has no effect{kind}"))
}

fn out_of_range(field: &Field, value: &str) -> TrainError {
    TrainError::config(field.path, format!("{value} is not {}", field.range))
}

/// The field with exactly this path.
fn exact(path: &str) -> Result<&'static Field, TrainError> {
    static BY_PATH: LazyLock<HashMap<&str, &Field>> =
        LazyLock::new(|| FIELDS.iter().map(|field| (field.path, field)).collect());
    BY_PATH.get(path).copied().ok_or_else(|| unknown(path))
}

fn unknown(path: &str) -> TrainError {
    let last = |path: &str| path.rsplit('.').next().unwrap_or("").to_owned();
    let distance = |field: &&Field| {
        let whole = strsim::levenshtein(path, field.path);
        whole.min(strsim::levenshtein(&last(path), field.key()))
    };
    let nearest = FIELDS.iter().min_by_key(distance).map_or("none", |field| field.path);
    let problem = format!("no such field; the nearest is {nearest}");
    TrainError::config(path.escape_debug().to_string(), problem)
}

fn leaves_of(contents: &str, name: &str) -> Result<Vec<(String, Value)>, TrainError> {
    let table = toml::from_str(contents).map_err(|e| toml_error(contents, name, &e))?;
    let mut leaves = Vec::new();
    collect_leaves("", table, &mut leaves);
    Ok(leaves)
}

fn collect_leaves(prefix: &str, table: Table, leaves: &mut Vec<(String, Value)>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key } else { [prefix, &key].join(".") };
        match value {
            Value::Table(inner) if !inner.is_empty() || is_table(&path) => {
                collect_leaves(&path, inner, leaves);
            }
            leaf => leaves.push((path, leaf)),
        }
    }
}

fn is_table(path: &str) -> bool {
    let inside = |field: &Field| field.path.strip_prefix(path).is_some_and(|p| p.starts_with('.'));
    FIELDS.iter().any(inside)
}

/// Parses a value of the table of fields.
fn written(field: &Field, value: &str) -> Value {
    read(&field.range, value).unwrap_or_else(|| panic!("{}: {value:?} is no value", field.path))
}

/// Converts a value of a file to the type of the field: a whole number may become a number.
fn accept(field: &Field, value: Value) -> Result<Value, TrainError> {
    let value = match (field.range, value) {
        (Range::Number(..), Value::Integer(whole)) => Value::Float(whole as f64),
        (Range::WordOrNumbers(_), Value::Array(items)) => {
            let number = |item| match item {
                Value::Integer(whole) => Value::Float(whole as f64),
                other => other,
            };
            Value::Array(items.into_iter().map(number).collect())
        }
        (_, value) => value,
    };
    match fits(&field.range, &value) {
        true => Ok(value),
        false => Err(out_of_range(field, &value.to_string().replace('\n', " "))),
    }
}

/// Checks the value of every field that the configuration has against its range.
pub(super) fn check_ranges(values: &Values) -> Result<(), TrainError> {
    let wrong = |field: &&Field| values.get(field.path).is_some_and(|v| !fits(&field.range, v));
    match FIELDS.iter().find(wrong) {
        Some(field) => Err(out_of_range(field, &values[field.path].to_string())),
        None => Ok(()),
    }
}

/// Whether `value` has the type of `range` and is in it.
fn fits(range: &Range, value: &Value) -> bool {
    let listed =
        |words: &[&str], value: &Value| value.as_str().is_some_and(|text| words.contains(&text));
    match (range, value) {
        (Range::Whole(..), Value::Integer(number)) => {
            u64::try_from(*number).is_ok_and(|number| range.has_whole(number))
        }
        (Range::Wholes(..), Value::Array(items)) => {
            let whole = |item: &Value| item.as_integer().and_then(|n| u64::try_from(n).ok());
            let wholes: Option<Vec<u64>> = items.iter().map(whole).collect();
            wholes.is_some_and(|wholes| range.has_wholes(&wholes))
        }
        (Range::Number(..), Value::Float(number)) => range.has_number(*number),
        (Range::Switch, Value::Boolean(_)) | (Range::Text(_), Value::String(_)) => true,
        (Range::OneOf(words), value) => listed(words, value),
        (Range::AnyOf(words), Value::Array(items)) => items.iter().all(|item| listed(words, item)),
        (Range::WordOrNumbers(_), Value::Array(items)) => {
            let number = |item: &Value| item.as_float().is_some_and(|n| n.is_finite() && n >= 0.0);
            items.iter().all(number)
        }
        (Range::WordOrNumbers(words), value) => listed(words, value),
        (
            Range::Whole(..)
            | Range::Wholes(..)
            | Range::Number(..)
            | Range::Switch
            | Range::AnyOf(_)
            | Range::Text(_),
            _,
        ) => false,
    }
}

/// `text` as a value of the type that `range` has.
fn read(range: &Range, text: &str) -> Option<Value> {
    let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Some(match range {
        Range::Whole(..) => Value::Integer(text.parse().ok()?),
        Range::Wholes(..) => {
            let whole = |item: &str| item.trim().parse().ok().map(Value::Integer);
            Value::Array(text.split(',').map(whole).collect::<Option<_>>()?)
        }
        Range::Number(..) => Value::Float(text.parse().ok()?),
        Range::Switch => Value::Boolean(text.parse().ok()?),
        Range::AnyOf(_) => Value::Array(items().map(|item| Value::String(item.into())).collect()),
        Range::WordOrNumbers(words) if !words.contains(&text) => {
            let number = |item: &str| item.trim().parse().ok().map(Value::Float);
            Value::Array(text.split(',').map(number).collect::<Option<_>>()?)
        }
        Range::WordOrNumbers(_) | Range::OneOf(_) | Range::Text(_) => Value::String(text.into()),
    })
}

/// A value as [`Config::set`] takes it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

//! A table of pictures and their labels, next to or above the pictures: Kaggle's `train.csv`,
//! Hugging Face's `metadata.csv`, Label Studio's export, or any other table with such columns.

use std::collections::{BTreeMap, HashMap, HashSet};

use csv::ByteRecord;

use crate::DataError;
use crate::collection::Collection;
use crate::columns::{Columns, MAX_TABLE, is_table, text};
use crate::dataset::PartName;
use crate::labels;
use crate::load_pictures::{Item, Parts, load};
use crate::options::Options;
use crate::parts::{self, slot};
use crate::passed_over::Skipped;
use crate::tree::{Entry, Tree};

use super::pictures::may_be_picture;
use super::pixel_rows::LABELS;

/// Names of the column of the pictures; of columns that match equally well, the first one is used.
const PICTURES: [&str; 10] = [
    "file_name",
    "filename",
    "file",
    "image",
    "image_path",
    "path",
    "picture",
    "img",
    "image_id",
    "id",
];
/// Names of a column that assigns rows to parts.
const SPLITS: [&str; 5] = ["split", "part", "set", "subset", "usage"];
/// Number of rows examined to find the column of the pictures.
const SAMPLE: usize = 200;

/// The pictures of a source, indexed by name.
struct Index<'a> {
    entries: Vec<&'a Entry>,
    by_path: HashMap<&'a str, usize>,
    /// Pictures by file name, with and without extension.
    by_name: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Index<'a> {
    fn new(entries: Vec<&'a Entry>) -> Self {
        let by_path =
            entries.iter().enumerate().map(|(i, entry)| (entry.path.as_str(), i)).collect();
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, entry) in entries.iter().enumerate() {
            let name = entry.file_name();
            by_name.entry(name).or_default().push(i);
            if let Some((stem, _)) = name.rsplit_once('.') {
                by_name.entry(stem).or_default().push(i);
            }
        }
        Self { entries, by_path, by_name }
    }

    /// The picture that `value` names in a table of the part `part` in `folder`.
    fn find(&self, value: &str, folder: &str, part: Option<PartName>) -> Option<usize> {
        let value = value.trim().replace('\\', "/");
        // Label Studio's form of local file names.
        let value = value.rsplit("?d=").next().unwrap_or_default();
        let value = value.trim_start_matches("./").trim_start_matches('/');
        if value.is_empty() {
            return None;
        }
        let beside = if folder.is_empty() { value.to_owned() } else { format!("{folder}/{value}") };
        let exact = self.by_path.get(beside.as_str()).or_else(|| self.by_path.get(value));
        if let Some(&found) = exact {
            return Some(found);
        }
        let name = value.rsplit('/').next().unwrap_or(value);
        let candidates = self.by_name.get(name)?;
        let in_part = |&&i: &&usize| {
            part.is_some() && self.entries[i].folder().split('/').any(|f| parts::named(f) == part)
        };
        let ends = |&&i: &&usize| self.entries[i].path.ends_with(value);
        match candidates.as_slice() {
            [only] => Some(*only),
            several => {
                let unique =
                    |mut found: Vec<usize>| if found.len() == 1 { found.pop() } else { None };
                unique(several.iter().filter(in_part).copied().collect())
                    .or_else(|| unique(several.iter().filter(ends).copied().collect()))
            }
        }
    }
}

/// A table's entry for one picture.
struct Row {
    picture: usize,
    part: PartName,
    label: Option<String>,
}

/// Reads the tables of pictures of a source.
pub(super) fn read(
    tree: &Tree,
    options: &Options,
    skipped: &mut Skipped,
) -> Result<Option<Collection>, DataError> {
    let (tables, others): (Vec<&Entry>, Vec<&Entry>) =
        tree.entries().iter().partition(|entry| is_table(entry.file_name()));
    let pictures: Vec<&Entry> =
        others.iter().copied().filter(|entry| may_be_picture(entry.file_name())).collect();
    let tables: Vec<&Entry> = match &tree.focus {
        Some(focus) => tables.into_iter().filter(|entry| entry.path == *focus).collect(),
        None => tables,
    };
    if tables.is_empty() || pictures.is_empty() {
        return Ok(None);
    }
    let index = Index::new(pictures);
    let mut rows = Vec::new();
    let mut used: Vec<&Entry> = Vec::new();
    let mut missing = Skipped::default();
    for table in tables {
        if let Some(found) = read_table(tree, table, &index, options, &mut missing)? {
            rows.extend(found);
            used.push(table);
        } else if tree.focus.is_none() {
            missing.add(&table.path, "names no existing picture");
        }
    }
    let Some(first) = used.first() else {
        return match &tree.focus {
            Some(_) => Err(DataError::file(
                tree.shown(),
                "names no picture beside or below it, and has no pixels; give the column of \
                 the pictures with --picture-column",
            )),
            None => Ok(None),
        };
    };
    skipped.0.append(&mut missing.0);
    let stray = |entry: &&&Entry| tree.focus.is_none() && !may_be_picture(entry.file_name());
    others.iter().filter(stray).for_each(|entry| skipped.add(&entry.path, "is not a picture"));
    let file = tree.show(first);
    let (classes, parts) = parts_of(&index, rows, &file, tree.focus.is_none(), skipped)?;
    load(tree, classes, parts, options, skipped).map(Some)
}

/// The rows of one table; `None` if no column names existing pictures.
fn read_table(
    tree: &Tree,
    entry: &Entry,
    index: &Index<'_>,
    options: &Options,
    missing: &mut Skipped,
) -> Result<Option<Vec<Row>>, DataError> {
    let bytes = tree.read_unpacked(entry, MAX_TABLE)?;
    let file = tree.show(entry);
    let mut table = Columns::new(&bytes, &file)?;
    let stem = entry.file_name().split('.').next().unwrap_or_default();
    let last = entry.folder().rsplit('/').next().unwrap_or_default();
    let part = parts::within(stem).or_else(|| parts::named(last));
    let mut all = Vec::new();
    let mut row = ByteRecord::new();
    while table.next(&mut row)? {
        all.push(row.clone());
    }
    let field = |row: &ByteRecord, column: usize| {
        text(row.get(column).unwrap_or_default()).trim().to_owned()
    };
    let find = |row: &ByteRecord, column| index.find(&field(row, column), entry.folder(), part);
    let typed = options.picture_column.as_deref();
    let column = match table.find(typed, &[])? {
        Some(column) => column,
        None => {
            let known = |column: usize| {
                let name = table.header.get(column).map(|name| name.to_lowercase());
                name.and_then(|name| PICTURES.iter().position(|known| *known == name))
            };
            let count = |column: usize| {
                let sample = all.iter().take(SAMPLE);
                sample.filter_map(|row| find(row, column)).collect::<HashSet<_>>().len()
            };
            let columns = 0..all.first().map_or(0, ByteRecord::len);
            let best = columns
                .map(|column| (count(column), column))
                .max_by_key(|&(n, column)| (n, std::cmp::Reverse(known(column).unwrap_or(99))));
            match best {
                Some((n, column)) if n > 0 => column,
                _ => return Ok(None),
            }
        }
    };
    let split = table.find(None, &SPLITS)?.filter(|&split| {
        split != column && all.iter().any(|row| parts::named(&field(row, split)).is_some())
    });
    let label = label_column(&table, options, column, split, all.first(), part)?;
    let mut rows = Vec::new();
    for (number, row) in all.iter().enumerate() {
        let at = || format!("{}#{number}", entry.path);
        let Some(picture) = find(row, column) else {
            let named: String = field(row, column).chars().take(60).collect();
            missing.add(at(), format!("names {named:?}, which does not exist"));
            continue;
        };
        let written = label.map(|label| labels::clean(&field(row, label)));
        if written.as_ref().is_some_and(String::is_empty) {
            missing.add(at(), "has no label");
            continue;
        }
        let of_row = split.and_then(|split| parts::named(&field(row, split)));
        let part = of_row.or(part).unwrap_or(PartName::Train);
        rows.push(Row { picture, part, label: written });
    }
    Ok(Some(rows))
}

/// The column of the classes; `None` for a table of test pictures without one.
fn label_column(
    table: &Columns<'_>,
    options: &Options,
    picture: usize,
    split: Option<usize>,
    first: Option<&ByteRecord>,
    part: Option<PartName>,
) -> Result<Option<usize>, DataError> {
    let column = table.header.get(picture);
    let is_other = |name: &&str| !column.is_some_and(|column| column.eq_ignore_ascii_case(name));
    let known: Vec<&str> = LABELS.iter().copied().filter(is_other).collect();
    if let Some(column) = table.find(options.label_column.as_deref(), &known)? {
        return Ok(Some(column));
    }
    let columns = 0..first.map_or(0, ByteRecord::len);
    let others: Vec<usize> =
        columns.filter(|&column| column != picture && Some(column) != split).collect();
    match others.as_slice() {
        [only] => Ok(Some(*only)),
        [] if part == Some(PartName::Test) => Ok(None),
        _ => {
            let there = table.header.join(", ");
            let problem = format!(
                "which column has the classes? It has {there}; choose one with --label-column"
            );
            Err(table.fail(problem))
        }
    }
}

/// The classes, and the pictures of every part.
fn parts_of<'a>(
    index: &Index<'a>,
    rows: Vec<Row>,
    file: &str,
    whole: bool,
    skipped: &mut Skipped,
) -> Result<(Vec<String>, Parts<'a>), DataError> {
    // Sorted by picture; a picture with two different labels gets none.
    let mut of_picture: BTreeMap<usize, Row> = BTreeMap::new();
    let mut conflicts: BTreeMap<usize, String> = BTreeMap::new();
    for row in rows {
        match of_picture.get(&row.picture) {
            Some(other) if other.label != row.label => {
                let [a, b] = [&other.label, &row.label].map(|l| l.clone().unwrap_or_default());
                conflicts.insert(row.picture, format!("has the labels {a} and {b}"));
            }
            Some(_) => {}
            None => {
                of_picture.insert(row.picture, row);
            }
        }
    }
    for (picture, reason) in &conflicts {
        of_picture.remove(picture);
        skipped.add(&index.entries[*picture].path, reason);
    }
    let train = of_picture.values().filter(|row| row.part == PartName::Train);
    let written: Vec<String> = train.filter_map(|row| row.label.clone()).collect();
    let classes = labels::classes(&written, file)?;
    let known: HashMap<&str, u16> = classes.iter().map(String::as_str).zip(0..).collect();
    let mut parts: Parts<'a> = Default::default();
    for (i, &entry) in index.entries.iter().enumerate() {
        let (part, label) = match of_picture.get(&i) {
            Some(Row { part, label, .. }) => (*part, label.as_ref()),
            // Pictures of a test folder without labels are for prediction.
            None if whole
                && entry.folder().split('/').any(|f| parts::named(f) == Some(PartName::Test)) =>
            {
                (PartName::Test, None)
            }
            None => {
                if whole && !conflicts.contains_key(&i) {
                    skipped.add(&entry.path, "has no row in a table of labels");
                }
                continue;
            }
        };
        let unknown = |label: &String| {
            let problem =
                format!("label {label:?} of {} is not a class of the training part", entry.path);
            DataError::file(file, problem)
        };
        let number =
            |label: &String| known.get(label.as_str()).copied().ok_or_else(|| unknown(label));
        let label = label.map(number).transpose()?;
        parts[slot(part)].get_or_insert_default().push(Item { entry, label });
    }
    // If only some test pictures have labels, only those are used.
    for items in parts.iter_mut().flatten() {
        if items.iter().any(|item| item.label.is_some()) {
            items.retain(|item| {
                if item.label.is_none() {
                    skipped.add(&item.entry.path, "has no row in a table of labels");
                }
                item.label.is_some()
            });
        }
    }
    Ok((classes, parts))
}

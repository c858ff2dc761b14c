//! The findings of `data check`, and the CSV table of them.

use std::cmp::Ordering;
use std::fmt;
use std::path::Path;

use anyhow::Context;
use modiste_check::{LabelError, Match, Oddity};
use modiste_data::{Dataset, PartName};
use modiste_files::atomic_write;
use modiste_model::guarded;
use serde::Serialize;

/// What is wrong with a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Issue {
    LabelError,
    Conflict,
    Leak,
    Duplicate,
    NearDuplicate,
    Odd,
}

impl Issue {
    /// All issues, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::LabelError,
        Self::Conflict,
        Self::Leak,
        Self::Duplicate,
        Self::NearDuplicate,
        Self::Odd,
    ];

    /// A short description of the issue.
    pub fn about(self) -> &'static str {
        match self {
            Self::LabelError => "the label is probably wrong",
            Self::Conflict => "the same or nearly the same picture under two labels",
            Self::Leak => "the same or nearly the same picture in two parts",
            Self::Duplicate => "the same picture twice in one part",
            Self::NearDuplicate => "nearly the same picture twice in one part",
            Self::Odd => "black, of one colour, very dark or very bright",
        }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LabelError => "label_error",
            Self::Conflict => "conflict",
            Self::Leak => "leak",
            Self::Duplicate => "duplicate",
            Self::NearDuplicate => "near_duplicate",
            Self::Odd => "odd",
        })
    }
}

/// Location, name and label of a picture.
#[derive(Clone, Debug, Serialize)]
pub struct PictureRef {
    /// The part of the split.
    pub part: PartName,
    /// Its position in that part, from 0.
    pub index: usize,
    /// The file it came from.
    pub file: String,
    /// Its position in that file, from 0; `None` if the file is the picture.
    pub position: Option<usize>,
    /// Its label; `None` if the source does not reveal it.
    pub class: Option<String>,
}

impl PictureRef {
    fn of(data: &Dataset, (part, index): (PartName, usize)) -> Self {
        let labels = data.part(part).labels.as_ref();
        let class = labels.map(|labels| data.classes[usize::from(labels[index])].clone());
        let names = &data.part(part).names;
        let origin = (!names.is_empty()).then(|| names.origin(index));
        let file = origin.map(|at| at.file.to_owned()).unwrap_or_default();
        Self { part, index, file, position: origin.and_then(|at| at.position), class }
    }

    /// The name of the picture.
    pub fn name(&self) -> String {
        match (self.file.as_str(), self.position) {
            ("", _) => format!("{} {}", self.part, self.index),
            (file, None) => file.to_owned(),
            (file, Some(position)) => format!("{file} {position}"),
        }
    }
}

/// A picture that training would be better without, or that needs another label.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub issue: Issue,
    /// Severity from 0 to 1: see docs/data-check.md.
    pub severity: f64,
    pub picture: PictureRef,
    /// What is wrong, in a few words.
    pub detail: String,
    /// The class that the networks suggest instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested: Option<String>,
    /// The picture that this one is a copy of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<PictureRef>,
}

impl Finding {
    /// The finding of a label that is probably wrong.
    pub fn label(data: &Dataset, place: (PartName, usize), error: &LabelError) -> Self {
        let suggested = data.classes[usize::from(error.suggested)].clone();
        Self {
            issue: Issue::LabelError,
            severity: 1.0 - error.self_confidence,
            picture: PictureRef::of(data, place),
            detail: format!("p {:.3} against {:.3}", error.self_confidence, error.confidence),
            suggested: Some(suggested),
            other: None,
        }
    }

    /// The finding of a copy.
    pub fn copy(
        data: &Dataset,
        place: (PartName, usize),
        of: (PartName, usize),
        m: &Match,
    ) -> Self {
        let (picture, other) = (PictureRef::of(data, place), PictureRef::of(data, of));
        let labels = picture.class.as_ref().zip(other.class.as_ref());
        let issue = match () {
            () if labels.is_some_and(|(a, b)| a != b) => Issue::Conflict,
            () if place.0 != of.0 => Issue::Leak,
            () if m.exact => Issue::Duplicate,
            () => Issue::NearDuplicate,
        };
        let weight = match issue {
            Issue::Conflict | Issue::Leak => 1.0,
            Issue::LabelError | Issue::Duplicate | Issue::NearDuplicate | Issue::Odd => 0.5,
        };
        let detail = match m.exact {
            true => "exact copy".to_owned(),
            false => format!("edges correlate {:.3}", m.similarity),
        };
        let severity = weight * m.similarity;
        Self { issue, severity, picture, detail, suggested: None, other: Some(other) }
    }

    /// The finding of an odd picture.
    pub fn odd(data: &Dataset, place: (PartName, usize), what: Oddity) -> Self {
        let severity = match what {
            Oddity::Black | Oddity::Constant => 1.0,
            Oddity::Dark | Oddity::Bright => 0.5,
        };
        let (picture, detail) = (PictureRef::of(data, place), what.to_string());
        Self { issue: Issue::Odd, severity, picture, detail, suggested: None, other: None }
    }
}

/// Sorts the worst first, equal ones by part and position.
pub fn sort(findings: &mut [Finding]) {
    let place = |finding: &Finding| (finding.picture.part as usize, finding.picture.index);
    findings.sort_by(|a, b| match b.severity.total_cmp(&a.severity) {
        Ordering::Equal => place(a).cmp(&place(b)),
        other => other,
    });
}

/// Writes one row per finding.
pub fn write_csv(path: &Path, findings: &[Finding]) -> anyhow::Result<()> {
    let name = |text: &str| guarded(text).into_owned();
    let mut rows = csv::Writer::from_writer(Vec::new());
    let place = ["file", "position", "part", "index", "class"];
    let other = ["other_file", "other_position", "other_part", "other_index", "other_class"];
    let ends = [&["suggested"][..], &other, &["detail"]].concat();
    rows.write_record([&["issue", "severity"][..], &place, &ends].concat())?;
    for Finding { issue, severity, picture, detail, suggested, other } in findings {
        let place = |place: &PictureRef| {
            let position = place.position.map(|position| position.to_string());
            [
                name(&place.file),
                position.unwrap_or_default(),
                place.part.to_string(),
                place.index.to_string(),
                place.class.as_deref().map_or_else(String::new, name),
            ]
        };
        let mut row = vec![issue.to_string(), format!("{severity:.4}")];
        row.extend(place(picture));
        row.push(suggested.as_deref().map_or_else(String::new, name));
        row.extend(other.as_ref().map(place).unwrap_or_default());
        row.push(name(detail));
        rows.write_record(row)?;
    }
    let bytes =
        rows.into_inner().with_context(|| format!("{}: failed to write", path.display()))?;
    Ok(atomic_write(path, &bytes)?)
}

//! The competition's file: its sample with the column `class` filled in.

use std::path::{Path, PathBuf};

use modiste_data::{fill_named_submission, fill_submission};
use modiste_files::{atomic_write, read};

use super::Row;
use crate::cli::PredictArgs;
use crate::failure::Failure;

/// A submission in the making.
pub struct Submission {
    file: PathBuf,
    sample: Vec<u8>,
    /// The sample's, for errors.
    name: String,
    classes: Vec<u16>,
    /// The pictures; none where images come by number.
    pictures: Vec<String>,
}

/// The most bytes of a sample submission.
const MAX_TABLE: u64 = 1 << 30;

impl Submission {
    /// The submission that was asked for, with its sample read; `folder` is that of the data.
    pub fn find(args: &PredictArgs, folder: Option<&Path>) -> Result<Option<Self>, Failure> {
        let Some(file) = args.submission.clone() else { return Ok(None) };
        let beside = folder.map(|folder| folder.join("sample_submission.csv"));
        let Some(sample) = args.sample.clone().or(beside.filter(|path| path.exists())) else {
            let text = "--submission: give the competition's sample_submission.csv with --sample";
            return Err(Failure::Usage(text.to_owned()));
        };
        let name = sample.display().to_string();
        let sample = read(&sample, MAX_TABLE)?;
        let (classes, pictures) = (Vec::new(), Vec::new());
        Ok(Some(Self { file, sample, name, classes, pictures }))
    }

    /// Some more answers.
    pub fn add(&mut self, rows: &[Row]) {
        self.classes.extend(rows.iter().map(|row| row.answer.class as u16));
        let pictures = rows.iter().filter(|row| row.picture);
        self.pictures.extend(pictures.map(|row| row.id.clone()));
    }

    /// Writes it: by name where all images were picture files, else row by row.
    pub fn write(self) -> anyhow::Result<()> {
        let Self { file, sample, name, classes, pictures } = self;
        let filled = if pictures.len() == classes.len() {
            fill_named_submission(&sample, &name, &pictures, &classes)?
        } else {
            fill_submission(&sample, &name, &classes)?
        };
        Ok(atomic_write(&file, &filled)?)
    }
}

//! A competition's submission file: its sample with the column of answers filled in, with names or
//! positions as in the sample.

use std::path::{Path, PathBuf};

use modiste_data::{fill_named_submission, fill_submission, wants_numbers};
use modiste_files::{atomic_write, read};

use super::Row;
use crate::cli::PredictArgs;
use crate::failure::Failure;

/// A submission that collects its answers.
pub struct Submission {
    file: PathBuf,
    sample: Vec<u8>,
    /// The name of the sample, for errors.
    name: String,
    /// What the submission writes for each class of the model.
    answers: Vec<String>,
    classes: Vec<usize>,
    /// The names of the pictures; empty if images are numbered.
    pictures: Vec<String>,
}

/// Largest sample submission, in bytes.
const MAX_TABLE: u64 = 1 << 30;

impl Submission {
    /// Reads the sample of the requested submission; `folder` is that of the data, `classes` are the
    /// model's.
    pub fn find(
        args: &PredictArgs,
        folder: Option<&Path>,
        classes: &[String],
    ) -> Result<Option<Self>, Failure> {
        let Some(file) = args.submission.clone() else { return Ok(None) };
        let beside = folder.map(|folder| folder.join("sample_submission.csv"));
        let Some(sample) = args.sample.clone().or(beside.filter(|path| path.exists())) else {
            let text = "--submission: give the competition's sample_submission.csv with --sample";
            return Err(Failure::Usage(text.to_owned()));
        };
        let name = sample.display().to_string();
        let sample = read(&sample, MAX_TABLE)?;
        let answers = answers(wants_numbers(&sample, &name)?, classes);
        let (classes, pictures) = (Vec::new(), Vec::new());
        Ok(Some(Self { file, sample, name, answers, classes, pictures }))
    }

    /// Adds answers.
    pub fn add(&mut self, rows: &[Row]) {
        self.classes.extend(rows.iter().map(|row| row.answer.class));
        let pictures = rows.iter().filter(|row| row.picture);
        self.pictures.extend(pictures.map(|row| row.id.clone()));
    }

    /// Writes the file: matched by name if all images were picture files, else row by row.
    pub fn write(self) -> anyhow::Result<()> {
        let Self { file, sample, name, answers, classes, pictures } = self;
        let classes: Vec<&str> = classes.iter().map(|&class| answers[class].as_str()).collect();
        let filled = if pictures.len() == classes.len() {
            fill_named_submission(&sample, &name, &pictures, &classes)?
        } else {
            fill_submission(&sample, &name, &classes)?
        };
        Ok(atomic_write(&file, &filled)?)
    }
}

/// What to write for each class: its name, or its position if the competition uses numbers and the
/// names of the classes are not numbers themselves.
fn answers(numbers: bool, classes: &[String]) -> Vec<String> {
    let numbered = classes.iter().all(|class| class.parse::<u64>().is_ok());
    match numbers && !numbered {
        true => (0..classes.len()).map(|class| class.to_string()).collect(),
        false => classes.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::answers;

    #[test]
    fn classes_are_names_unless_the_sample_has_numbers() {
        let names = ["cat", "dog"].map(str::to_owned);
        assert_eq!(answers(false, &names), ["cat", "dog"]);
        assert_eq!(answers(true, &names), ["0", "1"]);
        // These are names of classes, not positions.
        let numbers = ["1", "2", "10"].map(str::to_owned);
        assert_eq!(answers(true, &numbers), ["1", "2", "10"]);
    }
}

//! Turns inputs of any kind into batches for the predictor; an input that fails does not stop the rest.

use std::path::Path;

use modiste_data::photo::Preparation;
use modiste_data::{DataError, ImageStream, Input, Part, Skipped, files_below, is_stray};
use modiste_model::Answer;
use serde::Serialize;

use super::AnyPredictor;
use crate::commands::model::AT_ONCE;
use crate::output;

/// The answer for one image.
pub struct Row {
    /// The file, the file and the number of the image in it, or only the number for a part of the
    /// data.
    pub id: String,
    /// Whether the image is a picture file of its own.
    pub picture: bool,
    /// How a picture was prepared.
    pub note: String,
    pub answer: Answer,
}

/// An input without an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Failed {
    pub problem: String,
}

/// Collects batches and passes rows on.
pub struct Feed<'a> {
    predictor: &'a mut AnyPredictor,
    sink: &'a mut dyn FnMut(&[Row]) -> anyhow::Result<()>,
    /// Whether there is a single input, whose failure is reported only at the end of the command.
    single_file: bool,
    /// Images that wait for a full batch, (n, h, w, c).
    pixels: Vec<u8>,
    /// Id, whether it is a picture, and note of each waiting image.
    waiting: Vec<(String, bool, String)>,
    answered: usize,
    failed: Vec<Failed>,
    /// Files in folders that are not pictures.
    strays: Vec<String>,
}

/// Largest number of such files listed by name.
const NAMED: usize = 3;

impl<'a> Feed<'a> {
    pub fn new(
        predictor: &'a mut AnyPredictor,
        sink: &'a mut dyn FnMut(&[Row]) -> anyhow::Result<()>,
        single_file: bool,
    ) -> Self {
        let (pixels, waiting, failed, strays) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { predictor, sink, single_file, pixels, waiting, answered: 0, failed, strays }
    }

    /// Adds a part of the data.
    pub fn part(&mut self, part: &Part) -> anyhow::Result<()> {
        for i in 0..part.len() {
            // A picture in its own file is identified by the file name.
            let file = i < part.names.len() && part.names.origin(i).position.is_none();
            let id = if file { part.names.get(i) } else { i.to_string() };
            self.image((id, file, String::new()), part.images.get(i))?;
        }
        Ok(())
    }

    /// Adds a file, all files below a folder, or standard input.
    pub fn input(&mut self, path: &Path) -> anyhow::Result<()> {
        if path.as_os_str() == "-" {
            let name = "standard input";
            let input = Input::read(std::io::stdin(), name, &self.predictor.options().limits);
            return self.opened(input, name);
        }
        if !path.is_dir() {
            return self.file(path);
        }
        if let Some(Input::Set(part, skipped)) = Input::folder(path, self.preparation()) {
            return self.set(&part, &skipped, path);
        }
        for file in files_below(path) {
            match file {
                Ok(file) if is_stray(&file) => self.strays.push(file.display().to_string()),
                Ok(file) => self.file(&file)?,
                Err(error) => self.fail(error.to_string()),
            }
        }
        Ok(())
    }

    /// How images of tables and arrays are prepared; networks for images that are neither grey nor
    /// coloured take them as they are.
    fn preparation(&self) -> Option<Preparation> {
        let preparation = self.predictor.model().preparation;
        matches!(preparation.shape.channels, 1 | 3).then_some(preparation)
    }

    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let limits = self.predictor.options().limits;
        let name = path.display().to_string();
        match Input::open(path, &limits, self.preparation()) {
            Ok(Input::Set(part, skipped)) => self.set(&part, &skipped, path),
            Ok(Input::Pictures(pictures)) => {
                for (file, bytes) in pictures {
                    let input = bytes.map(Input::Picture);
                    self.opened(input, &format!("{name}/{file}"))?;
                }
                Ok(())
            }
            input => self.opened(input, &name),
        }
    }

    /// Adds the images of the data set at `path`, by name.
    fn set(&mut self, part: &Part, skipped: &Skipped, path: &Path) -> anyhow::Result<()> {
        let (name, own) = (path.display(), path.file_name().unwrap_or_default().to_string_lossy());
        for file in skipped.all() {
            self.fail(format!("{name}: {file}"));
        }
        let (shape, wanted) = (part.images.shape, self.predictor.shape());
        if shape != wanted {
            self.fail(format!("{name}: holds images of {shape}, the model takes {wanted}"));
            return Ok(());
        }
        // If a file was read together with others beside it, only its own images.
        let own_images = |i: &usize| part.names.origin(*i).file == own;
        let alone = !part.names.is_empty() && (0..part.len()).any(|i| own_images(&i));
        for i in (0..part.len()).filter(|i| !alone || own_images(i)) {
            let origin = (!part.names.is_empty()).then(|| part.names.origin(i));
            let picture = origin.is_some_and(|origin| origin.position.is_none());
            let id = match origin {
                // A picture that a table lists has the path of its own file.
                Some(origin) if picture && !path.is_dir() => {
                    path.with_file_name(origin.file).display().to_string()
                }
                Some(origin) if origin.file != own => format!("{name}/{origin}"),
                Some(origin) => format!("{name}#{}", origin.position.unwrap_or(i)),
                None => format!("{name}#{i}"),
            };
            self.image((id, picture, String::new()), part.images.get(i))?;
        }
        Ok(())
    }

    fn opened(&mut self, input: Result<Input, DataError>, name: &str) -> anyhow::Result<()> {
        match input {
            Ok(Input::Picture(bytes)) => match self.predictor.prepare(&bytes, name) {
                Ok(image) => self.image((name.to_owned(), true, image.note), &image.pixels)?,
                Err(error) => self.fail(error.to_string()),
            },
            Ok(Input::Images(stream)) => self.stream(stream, name)?,
            Ok(Input::Pictures(_) | Input::Set(..)) => unreachable!("only files can be these"),
            Err(error) => self.fail(error.to_string()),
        }
        Ok(())
    }

    /// Adds the images of a file that holds many.
    fn stream(&mut self, mut stream: ImageStream, name: &str) -> anyhow::Result<()> {
        let (shape, wanted) = (stream.shape(), self.predictor.shape());
        if shape != self.predictor.shape() {
            self.fail(format!("{name}: holds images of {shape}, the model takes {wanted}"));
            return Ok(());
        }
        let (mut pixels, mut done) = (Vec::new(), 0);
        loop {
            match stream.next(AT_ONCE, &mut pixels) {
                Ok(0) => return Ok(()),
                Ok(_) => {
                    for image in pixels.chunks_exact(shape.len()) {
                        self.image((format!("{name}#{done}"), false, String::new()), image)?;
                        done += 1;
                    }
                }
                Err(error) => {
                    self.fail(error.to_string());
                    return Ok(());
                }
            }
        }
    }

    /// Adds one image; predicts once the batch is full.
    fn image(&mut self, about: (String, bool, String), pixels: &[u8]) -> anyhow::Result<()> {
        self.waiting.push(about);
        self.pixels.extend_from_slice(pixels);
        if self.waiting.len() < AT_ONCE { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let answers = self.predictor.answers(&self.pixels)?;
        self.pixels.clear();
        let about = self.waiting.drain(..).zip(answers);
        let rows: Vec<Row> =
            about.map(|((id, picture, note), answer)| Row { id, picture, note, answer }).collect();
        self.answered += rows.len();
        (self.sink)(&rows)
    }

    /// Records and reports an input without an answer.
    fn fail(&mut self, problem: String) {
        if !self.single_file {
            output::note(&format!("not answered: {problem}"));
        }
        self.failed.push(Failed { problem });
    }

    /// Predicts the images still waiting. Returns the number of images answered, and the failed inputs.
    pub fn finish(mut self) -> anyhow::Result<(usize, Vec<Failed>)> {
        self.flush()?;
        if let [first, ..] = &self.strays[..] {
            let count = self.strays.len();
            let named = self.strays.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>();
            let more = if count > NAMED { ", ..." } else { "" };
            let files = if count == 1 { "file" } else { "files" };
            output::note(&format!(
                "passed over {count} {files} among the pictures: {}{more}",
                named.join(", ")
            ));
            if self.answered == 0 && self.failed.is_empty() {
                self.fail(format!("{first}: is not a picture"));
            }
        }
        Ok((self.answered, self.failed))
    }
}

//! The protocol between `run.py` and a measured process; the twin of `peers/protocol.py`.
//!
//! The process makes its first step and reports it in one line of JSON. It answers each line `run SECONDS`
//! with another, after at least one step and at least that many seconds of steps. It ends when its input ends.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

/// Number of pixels of an image: 28 x 28 x 1.
pub const PIXELS: usize = 784;
/// Number of classes of the data set.
pub const CLASSES: usize = 10;

/// Errors end the process, and `run.py` shows their text.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// The arguments of the process, all of the form `--name value`.
pub struct Settings(HashMap<String, String>);

impl Settings {
    /// Reads the command line.
    ///
    /// # Errors
    /// If an argument is not a name or has no value.
    pub fn from_arguments() -> Outcome<Self> {
        let mut settings = HashMap::new();
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let name = name.strip_prefix("--").ok_or(format!("{name} is no option"))?;
            let value = arguments.next().ok_or(format!("--{name} lacks its value"))?;
            settings.insert(name.to_string(), value);
        }
        Ok(Self(settings))
    }

    /// The value of an argument, if given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a required argument.
    ///
    /// # Errors
    /// If it is missing or not a `T`.
    pub fn value<T: std::str::FromStr>(&self, name: &str) -> Outcome<T> {
        let text = self.text(name).ok_or(format!("--{name} is missing"))?;
        text.parse().map_err(|_| format!("--{name} {text} does not fit").into())
    }

    /// Whether training is measured instead of inference.
    ///
    /// # Errors
    /// If the task is neither.
    pub fn training(&self) -> Outcome<bool> {
        match self.text("task") {
            Some("train") => Ok(true),
            Some("infer") => Ok(false),
            other => Err(format!("--task {other:?} is neither train nor infer").into()),
        }
    }
}

/// The images, which all processes use in the same order.
pub struct Images {
    pixels: Vec<u8>, // (images, 28, 28)
    labels: Vec<u8>, // (images)
    batch: usize,
}

impl Images {
    /// Reads the files named by `--images` and `--labels`: raw bytes, no headers.
    ///
    /// # Errors
    /// If they cannot be read or have less than one batch.
    pub fn read(settings: &Settings) -> Outcome<Self> {
        let pixels = std::fs::read(settings.value::<String>("images")?)?;
        let labels = std::fs::read(settings.value::<String>("labels")?)?;
        let batch: usize = settings.value("batch")?;
        if pixels.len() != labels.len() * PIXELS || !(1..=labels.len()).contains(&batch) {
            return Err("images, labels and batch do not fit together".into());
        }
        Ok(Self { pixels, labels, batch })
    }

    /// Number of whole batches.
    pub fn batches(&self) -> usize {
        self.labels.len() / self.batch
    }

    /// Pixels (batch, 28, 28, 1) and labels (batch) of a batch.
    pub fn batch(&self, index: usize) -> (&[u8], &[u8]) {
        let (start, end) = (index * self.batch, (index + 1) * self.batch);
        (&self.pixels[start * PIXELS..end * PIXELS], &self.labels[start..end])
    }
}

/// Makes the first step, reports it, and answers requests until the input ends.
///
/// `step` runs step number k and returns the values to report: the loss, or the logits of an image.
///
/// # Errors
/// Errors of `step`, and invalid requests.
pub fn serve(
    about: &str,
    parameters: usize,
    batch: usize,
    mut step: impl FnMut(u64) -> Outcome<Vec<f32>>,
) -> Outcome<()> {
    let mut values = step(0)?;
    say(&format!(r#"{{"about":"{about}","parameters":{parameters},"values":{values:?}}}"#))?;
    let mut number = 1;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let wanted = line.strip_prefix("run ").ok_or(format!("no request: {line}"))?;
        let wanted: f64 = wanted.trim().parse()?;
        let (start, mut times) = (Instant::now(), Vec::new());
        while times.is_empty() || start.elapsed().as_secs_f64() < wanted {
            let begun = Instant::now();
            values = step(number)?;
            times.push(begun.elapsed().as_secs_f64());
            number += 1;
        }
        let (seconds, images) = (start.elapsed().as_secs_f64(), times.len() * batch);
        let median = median(&mut times);
        say(&format!(
            r#"{{"images":{images},"seconds":{seconds},"median":{median},"values":{values:?}}}"#
        ))?;
    }
    Ok(())
}

/// Median time of the steps, in seconds.
fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    (times[(times.len() - 1) / 2] + times[times.len() / 2]) / 2.0
}

fn say(line: &str) -> Outcome<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

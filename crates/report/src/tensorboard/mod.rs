//! Event files for TensorBoard: scalars, images and the HParams table.
//!
//! A run folder has one event file per process. A resumed run adds a file that starts with the mark
//! `SessionLog.START` at its first step; readers then drop that step and later ones of the previous
//! file, so nothing is shown twice (tensorboard's `EventAccumulator`, "purge
//! orphaned data"). Every event is written at once, so a killed run loses none.

mod file;
mod messages;
mod record;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use prost::Message;

use crate::ReportError;
use messages::{
    AnyValue, Content, Dim, Event, EventContent, Experiment, HParamInfo, HParams,
    HParamsPluginData, Image, MetricInfo, MetricName, PluginData, SessionEndInfo, SessionLog,
    SessionStartInfo, Summary, SummaryMetadata, Tensor, TensorShape, Value, ValueKind,
};

/// The value of one hyperparameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Hyperparameter {
    /// A number.
    Number(f64),
    /// One of several names.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

/// How a run ended, as HParams shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs were done.
    Success = 1,
    /// It failed.
    Failure = 2,
}

/// Writes the events of one process. Wall times are seconds since 1970.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
    path: PathBuf,
}

impl EventWriter {
    /// Starts the event file of a new run in `folder`, which must exist.
    ///
    /// # Errors
    ///
    /// If the file cannot be created or written.
    pub fn create(folder: &Path, wall_time: f64) -> Result<Self, ReportError> {
        let (file, path) = file::create(folder, wall_time)?;
        let mut writer = Self { file, path };
        // The first version in which readers respect `SessionLog.START`.
        writer.write(0, wall_time, EventContent::FileVersion("brain.Event:2".into()))?;
        Ok(writer)
    }

    /// Starts another event file for the run in `folder`, which continues at `first_step`; it
    /// replaces this step and later ones of earlier files.
    ///
    /// # Errors
    ///
    /// If the file cannot be made or written.
    pub fn resume(folder: &Path, first_step: i64, wall_time: f64) -> Result<Self, ReportError> {
        let mut writer = Self::create(folder, wall_time)?;
        let start = SessionLog { status: messages::SESSION_START };
        writer.write(first_step, wall_time, EventContent::SessionLog(start))?;
        Ok(writer)
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one point of each of several curves, as (tag, value).
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn scalars(
        &mut self,
        step: i64,
        wall_time: f64,
        values: &[(&str, f32)],
    ) -> Result<(), ReportError> {
        let value = |&(tag, value): &(&str, f32)| Value {
            tag: tag.into(),
            content: Some(Content::SimpleValue(value)),
            metadata: None,
        };
        let summary = Summary { value: values.iter().map(value).collect() };
        self.write(step, wall_time, EventContent::Summary(summary))
    }

    /// Writes an image, given as the bytes of a PNG file.
    ///
    /// # Errors
    ///
    /// If `png` is not a PNG file, or the file cannot be written.
    pub fn image(
        &mut self,
        tag: &str,
        step: i64,
        wall_time: f64,
        png: &[u8],
    ) -> Result<(), ReportError> {
        let image = describe_png(png).ok_or_else(|| ReportError::NotPng { tag: tag.into() })?;
        let content = Some(Content::Image(image));
        let value = vec![Value { tag: tag.into(), content, metadata: None }];
        self.write(step, wall_time, EventContent::Summary(Summary { value }))
    }

    /// Enters the run into the HParams table: its hyperparameters, and the tags of the
    /// scalars to show. Runs to be compared use the same names.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn hyperparameters(
        &mut self,
        wall_time: f64,
        hyperparameters: &[(String, Hyperparameter)],
        metrics: &[&str],
    ) -> Result<(), ReportError> {
        let info = |(name, value): &(String, Hyperparameter)| HParamInfo {
            name: name.clone(),
            kind: match value {
                Hyperparameter::Number(_) => messages::TYPE_FLOAT64,
                Hyperparameter::Text(_) => messages::TYPE_STRING,
                Hyperparameter::Flag(_) => messages::TYPE_BOOL,
            },
        };
        let metric = |&tag: &&str| MetricInfo { name: Some(MetricName { tag: tag.into() }) };
        let experiment = Experiment {
            time_created_secs: wall_time,
            hparam_infos: hyperparameters.iter().map(info).collect(),
            metric_infos: metrics.iter().map(metric).collect(),
        };
        self.hparams("_hparams_/experiment", wall_time, HParams::Experiment(experiment))?;
        let value = |(name, value): &(String, Hyperparameter)| {
            let kind = match value {
                Hyperparameter::Number(number) => ValueKind::Number(*number),
                Hyperparameter::Text(text) => ValueKind::Text(text.clone()),
                Hyperparameter::Flag(flag) => ValueKind::Flag(*flag),
            };
            (name.clone(), AnyValue { kind: Some(kind) })
        };
        let start = SessionStartInfo {
            hparams: hyperparameters.iter().map(value).collect(),
            start_time_secs: wall_time,
        };
        self.hparams("_hparams_/session_start_info", wall_time, HParams::SessionStart(start))
    }

    /// Records in the HParams table how the run ended. Readers keep the first such record of a run,
    /// so an interrupted run that may be resumed writes none.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn finish(&mut self, wall_time: f64, outcome: Outcome) -> Result<(), ReportError> {
        let end = SessionEndInfo { status: outcome as i32, end_time_secs: wall_time };
        self.hparams("_hparams_/session_end_info", wall_time, HParams::SessionEnd(end))
    }

    /// The HParams plugin reads its data from the metadata of empty values.
    fn hparams(&mut self, tag: &str, wall_time: f64, data: HParams) -> Result<(), ReportError> {
        let content = HParamsPluginData { data: Some(data) }.encode_to_vec();
        let plugin_data = PluginData { plugin_name: "hparams".into(), content };
        let tensor_shape = Some(TensorShape { dim: vec![Dim { size: 0 }] });
        let value = Value {
            tag: tag.into(),
            content: Some(Content::Tensor(Tensor { dtype: messages::DT_FLOAT, tensor_shape })),
            metadata: Some(SummaryMetadata { plugin_data: Some(plugin_data) }),
        };
        self.write(0, wall_time, EventContent::Summary(Summary { value: vec![value] }))
    }

    fn write(&mut self, step: i64, wall_time: f64, what: EventContent) -> Result<(), ReportError> {
        let event = Event { wall_time, step, what: Some(what) };
        // One call per record: a reader never sees half of one unless the disk is full.
        self.file.write_all(&record::frame(&event.encode_to_vec())).map_err(|source| {
            ReportError::File { path: self.path.clone(), action: "write", source }
        })
    }
}

/// Size and colours of a PNG file from its first chunk.
fn describe_png(png: &[u8]) -> Option<Image> {
    if !png.starts_with(b"\x89PNG\r\n\x1a\n") || png.get(12..16)? != b"IHDR" {
        return None;
    }
    let size = |at: usize| {
        let bytes = png.get(at..at + 4)?.try_into().ok()?;
        i32::try_from(u32::from_be_bytes(bytes)).ok()
    };
    let colorspace = match png.get(25)? {
        0 => 1,
        4 => 2,
        2 | 3 => 3,
        6 => 4,
        _ => return None,
    };
    let (width, height) = (size(16)?, size(20)?);
    Some(Image { height, width, colorspace, encoded_image_string: png.to_vec() })
}

//! A trained model that takes flat arrays of bytes.

use std::path::PathBuf;
use std::sync::Mutex;

use modiste_cpu::{CpuEngine, CpuOptions};
use modiste_data::photo::{Background, Limits};
use modiste_data::{free_memory, parse_npy};
use modiste_explain::{Explainer, HeatMap, Occlusion, occlusion, overlay};
use modiste_files::read;
use modiste_model::{
    Answer, ConfidenceMetrics, MirroredMetrics, Model as ModelFile, ModelError, ModelEvaluation,
    Options, Predictor, Reject, RunFolder, evaluation, parse_model,
};
use modiste_spec::Shape;
use modiste_train::labelled;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::data::{self, Arrays};
use crate::errors::{of_run, raised, value};

/// Number of values, and smallest number of images, that are predicted between two checks for Ctrl-C.
const AT_ONCE: (usize, usize) = (1 << 20, 64);

/// A trained model. Arrays of images are flat (n * h * w * c).
#[pyclass(frozen, module = "modiste._modiste")]
pub struct Model {
    model: ModelFile,
    /// The model file or run folder that it was read from; `None` for a model from bytes.
    path: Option<PathBuf>,
    /// Number of threads to use.
    threads: Option<usize>,
    worker: Mutex<Worker>,
}

/// The predictor. Its threads belong to one process, so a forked process creates its own worker.
struct Worker {
    process: u32,
    predictor: Option<Predictor<CpuEngine>>,
}

impl Worker {
    fn new(model: &ModelFile, threads: usize) -> Result<Self, ModelError> {
        // A training batch of one image reserves the least memory, which is never used.
        let options = CpuOptions { batch: 1, threads, ..CpuOptions::default() };
        let engine = CpuEngine::new(&model.network, options)?;
        let predictor = Predictor::new(model.clone(), engine, Options::default())?;
        Ok(Self { process: std::process::id(), predictor: Some(predictor) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // The threads exist only in the other process, so this process cannot join them.
            std::mem::forget(self.predictor.take());
        }
    }
}

/// Positions of the classes (n), probabilities (n * classes), and whether the answer is "none of these" (n).
type AnswerArrays<'py> =
    (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<bool>>);

/// A heat map: values (rows * columns), rows, columns, the meaning of 1, and the layer.
type MapArrays<'py> = (Bound<'py, PyArray1<f32>>, usize, usize, f32, Option<String>);

impl Model {
    fn new(model: ModelFile, path: Option<PathBuf>, threads: Option<usize>) -> PyResult<Self> {
        let worker = Worker::new(&model, threads_of(threads)?).map_err(raised)?;
        Ok(Self { model, path, threads, worker: Mutex::new(worker) })
    }

    /// Calls `work` with the predictor. Python's lock must be released, because another thread may be using it.
    fn ask<T, E: Into<ModelError>>(
        &self,
        work: impl FnOnce(&mut Predictor<CpuEngine>) -> Result<T, E>,
    ) -> Result<T, ModelError> {
        // A panic leaves the engine usable, because predictions change no lasting state.
        let mut worker = self.worker.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if worker.process != std::process::id() {
            *worker = Worker::new(&self.model, self.threads.unwrap_or_else(available_threads))?;
        }
        let predictor = worker.predictor.as_mut().expect("only a dropped worker has no predictor");
        work(predictor).map_err(Into::into)
    }

    /// The path for error messages.
    fn shown(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(|| "model".into())
    }

    fn grad_cam(
        &self,
        pixels: &[u8],
        class: usize,
        layer: Option<&str>,
    ) -> PyResult<(HeatMap, Option<String>)> {
        let need = Explainer::bytes(&self.model.network);
        if let Some(free) = free_memory().filter(|&free| need > free) {
            let [need, free] = [need, free].map(|bytes| bytes >> 20);
            let text = format!("explaining takes about {need} MiB, and {free} MiB are available");
            return Err(value(text));
        }
        let explainer =
            Explainer::new(&self.model.network, &self.model.parameters).map_err(raised)?;
        let layer = explainer.layer(layer).map_err(|e| value(format!("layer: {e}")))?.to_owned();
        let map = explainer.grad_cam(pixels, class, Some(&layer)).map_err(raised)?;
        Ok((map, Some(layer)))
    }

    fn occlusion(
        &self,
        pixels: &[u8],
        class: usize,
        [patch, stride, fill]: [usize; 3],
    ) -> PyResult<HeatMap> {
        let fill = u8::try_from(fill).map_err(|_| value(format!("fill: {fill} is above 255")))?;
        let temperature = self.model.temperature(false);
        let settings = Occlusion { patch, stride, fill, temperature };
        let mut map = None;
        self.ask(|predictor| {
            map = Some(occlusion(predictor.engine_mut(), pixels, class, settings));
            Ok::<(), ModelError>(())
        })
        .map_err(raised)?;
        map.expect("the work was done").map_err(raised)
    }
}

#[pymethods]
impl Model {
    /// Reads a model file, or the best model of a run folder.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf, threads: Option<usize>) -> PyResult<Self> {
        py.detach(|| {
            let file = if path.is_dir() { RunFolder::new(&path).model() } else { path.clone() };
            let model = ModelFile::load(&file).map_err(raised)?;
            Self::new(model, Some(path), threads)
        })
    }

    /// A model from the bytes of its file, and the path that the file was read from.
    #[staticmethod]
    fn from_bytes(
        py: Python<'_>,
        bytes: &[u8],
        path: Option<PathBuf>,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        py.detach(|| {
            let name = path.as_ref().map_or("model".into(), |path| path.display().to_string());
            Self::new(parse_model(bytes, &name).map_err(raised)?, path, threads)
        })
    }

    /// The bytes of the model file.
    fn to_bytes(&self, py: Python<'_>) -> Vec<u8> {
        py.detach(|| self.model.to_bytes())
    }

    #[getter]
    fn path(&self) -> Option<PathBuf> {
        self.path.clone()
    }

    #[getter]
    fn threads(&self) -> Option<usize> {
        self.threads
    }

    #[getter]
    fn classes(&self) -> Vec<String> {
        self.model.classes.clone()
    }

    /// Rows, columns and channels of an image.
    #[getter]
    fn shape(&self) -> (usize, usize, usize) {
        let Shape { height, width, channels } = self.model.preparation.shape;
        (height, width, channels)
    }

    /// CRC-32 of the whole model, as in its file.
    #[getter]
    fn checksum(&self) -> String {
        self.model.checksum()
    }

    #[getter]
    fn parameters(&self) -> usize {
        self.model.network.trainable()
    }

    #[getter]
    fn temperature(&self) -> f64 {
        self.model.temperature(false)
    }

    /// The configuration of the model's run, as TOML.
    #[getter]
    fn config(&self) -> String {
        self.model.config.clone()
    }

    /// The model's provenance, as JSON.
    fn provenance(&self) -> PyResult<String> {
        serde_json::to_string(&self.model.provenance).map_err(raised)
    }

    /// Logits (n * classes) of images, which are not copied.
    fn logits<'py>(
        &self,
        py: Python<'py>,
        images: PyReadonlyArray1<'py, u8>,
        mirror: bool,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let pixels = images.as_slice()?;
        let shape = self.model.network.input_shape();
        if mirror && shape.width == 1 {
            return Err(value(format!("mirror: has no effect on images of {shape}")));
        }
        let images = (AT_ONCE.0 / shape.len()).max(AT_ONCE.1);
        let mut logits = Vec::with_capacity(pixels.len() / shape.len() * self.model.classes.len());
        for pixels in pixels.chunks(images * shape.len()) {
            let some = py.detach(|| {
                self.ask(|predictor| {
                    let logits = predictor.logits(pixels)?;
                    if mirror { predictor.mirrored(pixels, logits) } else { Ok(logits) }
                })
            });
            logits.extend(some.map_err(raised)?);
            py.check_signals()?;
        }
        Ok(logits.into_pyarray(py))
    }

    /// Answers for logits (n * classes). The answer is "none of these" below the threshold for the accuracy
    /// `reject`, or below the probability `threshold`.
    fn answers<'py>(
        &self,
        py: Python<'py>,
        logits: PyReadonlyArray1<'py, f32>,
        mirror: bool,
        reject: Option<f64>,
        threshold: Option<f64>,
    ) -> PyResult<AnswerArrays<'py>> {
        let confidence = self.model.confidence.as_ref().map(|both| both.of(mirror));
        let reject = match (reject, threshold) {
            (Some(accuracy), _) => Reject::Accuracy(accuracy),
            (None, Some(threshold)) => Reject::Under(threshold),
            (None, None) => Reject::Never,
        };
        let threshold = reject.threshold(confidence).map_err(raised)?;
        let temperature = self.model.temperature(mirror);
        let rows = logits.as_slice()?.chunks_exact(self.model.classes.len());
        let answers: Vec<Answer> =
            py.detach(|| rows.map(|row| Answer::new(row, temperature, threshold)).collect());
        let classes: Vec<i64> = answers.iter().map(|answer| answer.class as i64).collect();
        let rejected: Vec<bool> = answers.iter().map(|answer| answer.rejected).collect();
        let probabilities: Vec<f64> =
            answers.into_iter().flat_map(|answer| answer.probabilities).collect();
        Ok((classes.into_pyarray(py), probabilities.into_pyarray(py), rejected.into_pyarray(py)))
    }

    /// The pixels of a picture file as the network takes them, and a note on how it was prepared.
    fn picture_file<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        background: &str,
    ) -> PyResult<(Bound<'py, PyArray1<u8>>, String)> {
        let name = path.display().to_string();
        let bytes = py.detach(|| read(&path, Limits::default().bytes as u64)).map_err(raised)?;
        self.picture(py, &bytes, &name, background)
    }

    /// Like `picture`, from the bytes of a picture file, called `name` in errors.
    fn picture<'py>(
        &self,
        py: Python<'py>,
        bytes: &[u8],
        name: &str,
        background: &str,
    ) -> PyResult<(Bound<'py, PyArray1<u8>>, String)> {
        let background: Background =
            background.parse().map_err(|error| value(format!("background: {error}")))?;
        let preparation = self.model.preparation;
        let prepared =
            py.detach(|| preparation.picture(bytes, name, background, &Limits::default()));
        let prepared = prepared.map_err(raised)?;
        Ok((prepared.pixels.into_pyarray(py), prepared.note))
    }

    /// The images of an array, given as the bytes of an npy file, as the network takes them.
    fn array<'py>(
        &self,
        py: Python<'py>,
        npy: &[u8],
        name: &str,
    ) -> PyResult<Bound<'py, PyArray1<u8>>> {
        let preparation = self.model.preparation;
        let pixels = py.detach(|| {
            let images = parse_npy(npy, name)?;
            if images.shape == preparation.shape {
                return Ok(images.pixels);
            }
            let mut pixels = Vec::with_capacity(images.len() * preparation.shape.len());
            for i in 0..images.len() {
                pixels.extend(preparation.image(images.get(i), images.shape, name)?);
            }
            Ok(pixels)
        });
        Ok(pixels.map_err(|error: modiste_data::DataError| raised(error))?.into_pyarray(py))
    }

    /// The evaluation of logits (n * classes) against labels (n), as JSON; also of the mean logits with the
    /// mirror images, if given.
    fn evaluate(
        &self,
        py: Python<'_>,
        logits: PyReadonlyArray1<'_, f32>,
        labels: PyReadonlyArray1<'_, u16>,
        mirrored: Option<PyReadonlyArray1<'_, f32>>,
    ) -> PyResult<String> {
        let (logits, labels) = (logits.as_slice()?, labels.as_slice()?);
        let mirrored = mirrored.as_ref().map(|logits| logits.as_slice()).transpose()?;
        py.detach(|| {
            let worth = ModelEvaluation {
                evaluation: evaluation(logits, labels, &self.model.classes).map_err(raised)?,
                trust: ConfidenceMetrics::of(&self.model, logits, labels, false),
                mirrored: mirrored.map(|logits| MirroredMetrics::of(&self.model, logits, labels)),
            };
            serde_json::to_string(&worth).map_err(raised)
        })
    }

    /// The data that the model was trained on, with these settings (fields with their values) changed.
    fn data<'py>(&self, py: Python<'py>, settings: Vec<(String, String)>) -> PyResult<Arrays<'py>> {
        let path = self.shown();
        let data = py.detach(|| data::of_model(&path, &self.model, &settings))?;
        Ok(data::arrays(py, data))
    }

    /// All labelled images of a folder or table, with the model's classes.
    fn labelled<'py>(&self, py: Python<'py>, source: PathBuf) -> PyResult<Arrays<'py>> {
        let path = self.shown();
        let data = py.detach(|| labelled(&path, &self.model, &source).map_err(of_run))?;
        Ok(data::arrays(py, data))
    }

    /// The heat map of one image for a class: from the gradient at `layer`, or by covering the image with a
    /// patch of this side, stride and grey value.
    fn explain<'py>(
        &self,
        py: Python<'py>,
        image: PyReadonlyArray1<'py, u8>,
        class: usize,
        layer: Option<&str>,
        patch: Option<[usize; 3]>,
    ) -> PyResult<MapArrays<'py>> {
        let pixels = image.as_slice()?;
        let (map, layer) = py.detach(|| match patch {
            None => self.grad_cam(pixels, class, layer),
            Some(patch) => Ok((self.occlusion(pixels, class, patch)?, None)),
        })?;
        Ok((map.values.into_pyarray(py), map.height, map.width, map.peak, layer))
    }

    /// The image overlaid with a heat map (rows * columns), each pixel enlarged to a square of side `scale`: RGB
    /// (h * scale * w * scale * 3).
    fn overlay<'py>(
        &self,
        py: Python<'py>,
        image: PyReadonlyArray1<'py, u8>,
        map: PyReadonlyArray1<'py, f32>,
        rows_and_columns: (usize, usize),
        scale: usize,
    ) -> PyResult<Bound<'py, PyArray1<u8>>> {
        let (pixels, values) = (image.as_slice()?, map.as_slice()?.to_vec());
        let (height, width) = rows_and_columns;
        let map = HeatMap { height, width, values, peak: 1.0 };
        let picture = py
            .detach(|| overlay(&map, pixels, self.model.preparation.shape, scale))
            .map_err(raised)?;
        Ok(picture.pixels().to_vec().into_pyarray(py))
    }
}

/// The number of threads: the given one, or as many as the system makes available.
pub fn threads_of(given: Option<usize>) -> PyResult<usize> {
    match given {
        None => Ok(available_threads()),
        Some(threads @ 1..=1024) => Ok(threads),
        Some(threads) => Err(value(format!("threads: {threads} is not from 1 to 1024"))),
    }
}

fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

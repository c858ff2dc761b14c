//! The network in a page: steps as JSON, their numbers as base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use modiste_spec::Shape;
use serde::{Deserialize, Serialize};

use super::{PageCard, PagePreparation, PageSource};
use crate::ExportError;
use crate::program::{Operation, Program, Step, Value, ValueId, Window};

/// The kinds of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredOperation {
    Conv,
    Affine,
    Rectify,
    MaxPool,
    AvgPool,
    Concat,
    Add,
}

/// A step; its numbers are ranges (first, length) within all numbers.
#[derive(Serialize, Deserialize)]
struct StoredStep {
    name: String,
    kind: StoredOperation,
    inputs: Vec<ValueId>,
    output: ValueId,
    relu: bool,
    /// Rows, columns, stride and padding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<[usize; 4]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    factor: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    numbers: Option<[[usize; 2]; 2]>,
}

/// The steps, in the form that the page and [`read_page`] read.
#[derive(Serialize, Deserialize)]
struct StoredProgram {
    temperature: f64,
    /// Height, width, channels and position of each map.
    values: Vec<[usize; 4]>,
    steps: Vec<StoredStep>,
    logits: ValueId,
    memory: usize,
}

/// The whole JSON of the page.
#[derive(Serialize)]
pub(super) struct StoredModel<'a> {
    #[serde(flatten)]
    program: StoredProgram,
    classes: &'a [String],
    preparation: &'a PagePreparation,
    card: &'a PageCard,
}

impl<'a> StoredModel<'a> {
    pub fn of(program: &Program, source: &'a PageSource<'_>) -> Self {
        let mut first = 0;
        let mut steps = Vec::new();
        for step in &program.steps {
            let mut stretch = |length: usize| {
                first += length;
                [first - length, length]
            };
            let numbers = numbers(&step.operation).map(|both| both.map(|part| stretch(part.len())));
            steps.push(stored(step, numbers));
        }
        let value = |value: &Value| {
            let Shape { height, width, channels } = value.shape;
            [height, width, channels, value.offset]
        };
        let program = StoredProgram {
            temperature: source.temperature,
            values: program.values.iter().map(value).collect(),
            steps,
            logits: program.logits,
            memory: program.memory,
        };
        let PageSource { classes, preparation, card, .. } = source;
        Self { program, classes, preparation, card }
    }
}

fn stored(step: &Step, numbers: Option<[[usize; 2]; 2]>) -> StoredStep {
    let sizes = |w: &Window| Some([w.rows, w.columns, w.stride, w.padding]);
    let (kind, window, factor) = match &step.operation {
        Operation::Conv { window, .. } => (StoredOperation::Conv, sizes(window), None),
        Operation::Affine { .. } => (StoredOperation::Affine, None, None),
        Operation::Rectify => (StoredOperation::Rectify, None, None),
        Operation::MaxPool(window) => (StoredOperation::MaxPool, sizes(window), None),
        Operation::AvgPool(window) => (StoredOperation::AvgPool, sizes(window), None),
        Operation::Concat => (StoredOperation::Concat, None, None),
        Operation::Add { scale } => (StoredOperation::Add, None, Some(*scale)),
    };
    let Step { name, inputs, output, relu, .. } = step;
    let (name, inputs) = (name.clone(), inputs.clone());
    StoredStep { name, kind, inputs, output: *output, relu: *relu, window, factor, numbers }
}

/// The numbers of a step: weights and biases, or scales and shifts.
fn numbers(operation: &Operation) -> Option<[&[f32]; 2]> {
    match operation {
        Operation::Conv { weights, bias, .. } => Some([weights, bias]),
        Operation::Affine { scale, shift } => Some([scale, shift]),
        Operation::Rectify
        | Operation::MaxPool(_)
        | Operation::AvgPool(_)
        | Operation::Concat
        | Operation::Add { .. } => None,
    }
}

/// All numbers as base64 of little-endian single precision.
pub(super) fn weights(program: &Program) -> String {
    let all = program.steps.iter().filter_map(|step| numbers(&step.operation)).flatten();
    let bytes: Vec<u8> = all.flatten().flat_map(|value| value.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

/// Reads the network and the temperature from a page.
///
/// # Errors
/// If the text is not such a page.
pub fn read_page(page: &str) -> Result<(Program, f64), ExportError> {
    let part = |id: &str| {
        let (_, after) = page.split_once(&format!("id=\"{id}\">"))?;
        Some(after.split_once("</script>")?.0)
    };
    let fail = |reason: String| ExportError::Page(reason);
    let (Some(model), Some(weights)) = (part("model"), part("weights")) else {
        return Err(fail("it contains no model".into()));
    };
    let stored: StoredProgram =
        serde_json::from_str(model).map_err(|error| fail(error.to_string()))?;
    let bytes = STANDARD.decode(weights).map_err(|error| fail(error.to_string()))?;
    let all: Vec<f32> =
        bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let temperature = stored.temperature;
    let program = stored.program(&all).ok_or_else(|| fail("its steps are incomplete".into()))?;
    Ok((program, temperature))
}

impl StoredProgram {
    fn program(self, all: &[f32]) -> Option<Program> {
        let value = |[height, width, channels, offset]: [usize; 4]| Value {
            shape: Shape { height, width, channels },
            offset,
        };
        let steps = self.steps.into_iter().map(|step| step.step(all));
        Some(Program {
            values: self.values.into_iter().map(value).collect(),
            steps: steps.collect::<Option<_>>()?,
            logits: self.logits,
            memory: self.memory,
        })
    }
}

impl StoredStep {
    fn step(self, all: &[f32]) -> Option<Step> {
        let window = || {
            let [rows, columns, stride, padding] = self.window?;
            Some(Window { rows, columns, stride, padding })
        };
        let numbers = |part: usize| {
            let [first, length] = self.numbers?[part];
            Some(all.get(first..first + length)?.to_vec())
        };
        let operation = match self.kind {
            StoredOperation::Conv => {
                Operation::Conv { window: window()?, weights: numbers(0)?, bias: numbers(1)? }
            }
            StoredOperation::Affine => Operation::Affine { scale: numbers(0)?, shift: numbers(1)? },
            StoredOperation::Rectify => Operation::Rectify,
            StoredOperation::MaxPool => Operation::MaxPool(window()?),
            StoredOperation::AvgPool => Operation::AvgPool(window()?),
            StoredOperation::Concat => Operation::Concat,
            StoredOperation::Add => Operation::Add { scale: self.factor? },
        };
        let Self { name, inputs, output, relu, .. } = self;
        Some(Step { name, operation, inputs, output, relu })
    }
}

//! The network in a page: JSON for the steps, base64 for their numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use modiste_spec::Shape;
use serde::{Deserialize, Serialize};

use super::{PageCard, PagePreparation, PageSource};
use crate::ExportError;
use crate::program::{Program, Step, Value, ValueId, Window, Work};

/// The kinds of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Conv,
    Affine,
    Rectify,
    MaxPool,
    AvgPool,
    Concat,
    Add,
}

/// A step; its numbers are stretches (first, length) of all numbers.
#[derive(Serialize, Deserialize)]
struct StoredStep {
    name: String,
    kind: Kind,
    inputs: Vec<ValueId>,
    output: ValueId,
    relu: bool,
    /// Rows, columns, stride, padding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<[usize; 4]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    factor: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    numbers: Option<[[usize; 2]; 2]>,
}

/// The steps, as the page and [`read_page`] take them.
#[derive(Serialize, Deserialize)]
struct StoredProgram {
    temperature: f64,
    /// Height, width, channels and place of each map.
    values: Vec<[usize; 4]>,
    steps: Vec<StoredStep>,
    logits: ValueId,
    memory: usize,
}

/// All of the page's JSON.
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
            let numbers = numbers(&step.work).map(|both| both.map(|part| stretch(part.len())));
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
    let (kind, window, factor) = match &step.work {
        Work::Conv { window, .. } => (Kind::Conv, sizes(window), None),
        Work::Affine { .. } => (Kind::Affine, None, None),
        Work::Rectify => (Kind::Rectify, None, None),
        Work::MaxPool(window) => (Kind::MaxPool, sizes(window), None),
        Work::AvgPool(window) => (Kind::AvgPool, sizes(window), None),
        Work::Concat => (Kind::Concat, None, None),
        Work::Add { scale } => (Kind::Add, None, Some(*scale)),
    };
    let Step { name, inputs, output, relu, .. } = step;
    let (name, inputs) = (name.clone(), inputs.clone());
    StoredStep { name, kind, inputs, output: *output, relu: *relu, window, factor, numbers }
}

/// The numbers of a step: weights and biases, or scales and shifts.
fn numbers(work: &Work) -> Option<[&[f32]; 2]> {
    match work {
        Work::Conv { weights, bias, .. } => Some([weights, bias]),
        Work::Affine { scale, shift } => Some([scale, shift]),
        Work::Rectify | Work::MaxPool(_) | Work::AvgPool(_) | Work::Concat | Work::Add { .. } => {
            None
        }
    }
}

/// All numbers, one after the other, as base64 of little-endian single precision.
pub(super) fn weights(program: &Program) -> String {
    let all = program.steps.iter().filter_map(|step| numbers(&step.work)).flatten();
    let bytes: Vec<u8> = all.flatten().flat_map(|value| value.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

/// The network and the temperature that a page has inside.
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
        return Err(fail("it has no model inside".into()));
    };
    let stored: StoredProgram =
        serde_json::from_str(model).map_err(|error| fail(error.to_string()))?;
    let bytes = STANDARD.decode(weights).map_err(|error| fail(error.to_string()))?;
    let all: Vec<f32> =
        bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let temperature = stored.temperature;
    let program = stored.program(&all).ok_or_else(|| fail("its steps lack something".into()))?;
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
        let work = match self.kind {
            Kind::Conv => Work::Conv { window: window()?, weights: numbers(0)?, bias: numbers(1)? },
            Kind::Affine => Work::Affine { scale: numbers(0)?, shift: numbers(1)? },
            Kind::Rectify => Work::Rectify,
            Kind::MaxPool => Work::MaxPool(window()?),
            Kind::AvgPool => Work::AvgPool(window()?),
            Kind::Concat => Work::Concat,
            Kind::Add => Work::Add { scale: self.factor? },
        };
        let Self { name, inputs, output, relu, .. } = self;
        Some(Step { name, work, inputs, output, relu })
    }
}

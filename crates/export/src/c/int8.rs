//! A program in 8-bit codes as C.

use super::{CFiles, CSource, Writer, text};
use crate::int8::{CodeOperation, CodeStep, Fixed, Int8Program};

/// `program` as C in 8-bit whole numbers with 32-bit sums.
pub fn c_int8(program: &Int8Program, about: &CSource<'_>) -> CFiles {
    let mut writer = Writer::default();
    for (at, step) in program.steps.iter().enumerate() {
        add_step(&mut writer, program, at, step);
    }
    let (pixels, classes) = (program.input().len(), program.classes());
    let first = format!(
        "    for (int32_t i = 0; i < {pixels}; i++)\n        m[{} + i] = (int8_t)(pixels[i] - 128);\n",
        program.values[0].offset
    );
    let map = program.values[program.logits];
    let (zero, scale) = (map.scale.zero, text::float(map.scale.scale as f32));
    let last = match program.gives_logits() {
        true => String::new(),
        false => format!(
            "    for (int32_t i = 0; i < {classes}; i++)\n        \
             logits[i] = (float)(m[{} + i] - ({zero})) * {scale};\n",
            map.offset
        ),
    };
    writer.finish(about, ("int8_t", 1), program.input(), program.memory, [first, last])
}

fn fixed(factor: &Fixed) -> String {
    format!("{{{}, {}}}", factor.factor, factor.shift)
}

fn shown<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(T::to_string).collect()
}

fn add_step(writer: &mut Writer, program: &Int8Program, at: usize, step: &CodeStep) {
    // A map as arguments: its position and its zero.
    let map = |value: usize| {
        let map = program.values[value];
        format!("m + {}, {}", map.offset, map.scale.zero)
    };
    let place = |value: usize| format!("m + {}", program.values[value].offset);
    let x = |i: usize| map(step.inputs[i]);
    let (from, to) = (program.values[step.inputs[0]].shape, program.values[step.output].shape);
    let low = step.low;
    let y = format!("{}, {low}", map(step.output));
    if needs_codes(&step.operation) {
        writer.need(include_str!("parts/int8_fixed.c"));
    }
    if needs_factors(&step.operation) {
        writer.need(include_str!("parts/int8_factor.c"));
    }
    let call = match &step.operation {
        CodeOperation::Conv { window, weights, bias, factors } => {
            writer.window(&format!("s{at}"), window, from, to);
            writer.need(include_str!("parts/int8_sum.c"));
            writer.need(include_str!("parts/int8_conv.c"));
            writer.array("int8_t", &format!("w{at}"), 1, shown(weights));
            writer.array("int32_t", &format!("b{at}"), 4, shown(bias));
            let factors = factors.iter().map(fixed).collect();
            writer.array("struct fixed", &format!("f{at}"), 8, factors);
            format!("convolve(&s{at}, {}, {y}, w{at}, b{at}, f{at})", x(0))
        }
        CodeOperation::Logits { window, weights, bias, factors } => {
            writer.window(&format!("s{at}"), window, from, to);
            writer.need(include_str!("parts/int8_sum.c"));
            writer.need(include_str!("parts/int8_logits.c"));
            writer.array("int8_t", &format!("w{at}"), 1, shown(weights));
            writer.array("int32_t", &format!("b{at}"), 4, shown(bias));
            let factors = factors.iter().map(|&factor| text::float(factor)).collect();
            writer.array("float", &format!("f{at}"), 4, factors);
            format!("last_layer(&s{at}, {}, logits, w{at}, b{at}, f{at})", x(0))
        }
        CodeOperation::Affine { factors, summands, shift } => {
            writer.need(include_str!("parts/int8_affine.c"));
            writer.array("int32_t", &format!("f{at}"), 4, shown(factors));
            let summands = summands.iter().map(|value| format!("INT64_C({value})")).collect();
            writer.array("int64_t", &format!("b{at}"), 8, summands);
            let (pixels, channels) = (to.pixels(), to.channels);
            format!("affine({pixels}, {channels}, {}, {y}, f{at}, b{at}, {shift})", x(0))
        }
        CodeOperation::Rectify => {
            writer.need(include_str!("parts/rectify.c"));
            let (from, to_map) = (place(step.inputs[0]), place(step.output));
            format!("rectify({}, {from}, {to_map}, {low})", to.len())
        }
        CodeOperation::MaxPool(window) => {
            writer.window(&format!("s{at}"), window, from, to);
            writer.need(include_str!("parts/max_pool.c"));
            let (from, to) = (place(step.inputs[0]), place(step.output));
            format!("max_pool(&s{at}, {from}, {to}, {low})")
        }
        CodeOperation::AvgPool(window, factor) => {
            writer.window(&format!("s{at}"), window, from, to);
            writer.need(include_str!("parts/int8_avg_pool.c"));
            let factor = fixed(factor);
            format!("avg_pool(&s{at}, {}, {y}, (struct fixed){factor})", x(0))
        }
        CodeOperation::Concat(factors) => {
            writer.need(include_str!("parts/int8_concat.c"));
            let mut first = 0;
            let mut calls = Vec::new();
            for (i, (&value, factor)) in step.inputs.iter().zip(factors).enumerate() {
                let (channels, all) = (program.values[value].shape.channels, to.channels);
                let sizes = format!("{}, {channels}, {first}, {all}", to.pixels());
                let factor = fixed(factor);
                calls.push(format!("concat({sizes}, {}, {y}, (struct fixed){factor})", x(i)));
                first += channels;
            }
            calls.join(";\n    ")
        }
        CodeOperation::Add { factors, shift } => {
            writer.need(include_str!("parts/int8_add.c"));
            let [a, b] = factors;
            format!("add({}, {}, {a}, {}, {b}, {shift}, {y})", to.len(), x(0), x(1))
        }
    };
    writer.call(&step.name, &call);
}

/// Whether a step rounds its results to codes.
fn needs_codes(operation: &CodeOperation) -> bool {
    match operation {
        CodeOperation::Logits { .. } | CodeOperation::Rectify | CodeOperation::MaxPool(_) => false,
        CodeOperation::Conv { .. }
        | CodeOperation::Affine { .. }
        | CodeOperation::AvgPool(..)
        | CodeOperation::Concat(_)
        | CodeOperation::Add { .. } => true,
    }
}

/// Whether a step has a factor and shift per channel.
fn needs_factors(operation: &CodeOperation) -> bool {
    match operation {
        CodeOperation::Conv { .. } | CodeOperation::AvgPool(..) | CodeOperation::Concat(_) => true,
        CodeOperation::Logits { .. }
        | CodeOperation::Affine { .. }
        | CodeOperation::Rectify
        | CodeOperation::MaxPool(_)
        | CodeOperation::Add { .. } => false,
    }
}

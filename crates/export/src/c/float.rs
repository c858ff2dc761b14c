//! A program in floats as C.

use super::{CFiles, CSource, Writer, text};
use crate::program::{Operation, Program, Step};

/// `program` as C in single precision.
pub fn c_float(program: &Program, about: &CSource<'_>) -> CFiles {
    let mut writer = Writer::default();
    for (at, step) in program.steps.iter().enumerate() {
        add_step(&mut writer, program, at, step);
    }
    let (pixels, classes) = (program.input().len(), program.classes());
    let place = |value: usize| program.values[value].offset;
    let first = format!(
        "    for (int32_t i = 0; i < {pixels}; i++)\n        m[{} + i] = (float)pixels[i] / 255;\n",
        place(0)
    );
    let last = format!(
        "    for (int32_t i = 0; i < {classes}; i++)\n        logits[i] = m[{} + i];\n",
        place(program.logits)
    );
    writer.finish(about, ("float", 4), program.input(), program.memory, [first, last])
}

fn add_step(writer: &mut Writer, program: &Program, at: usize, step: &Step) {
    let place = |value: usize| format!("m + {}", program.values[value].offset);
    let x = |i: usize| place(step.inputs[i]);
    let (from, to) = (program.values[step.inputs[0]].shape, program.values[step.output].shape);
    let (y, relu) = (place(step.output), u8::from(step.relu));
    let floats = |values: &[f32]| values.iter().map(|&value| text::float(value)).collect();
    let call = match &step.operation {
        Operation::Conv { window, weights, bias } => {
            writer.window(&format!("s{at}"), window, from, to);
            writer.need(include_str!("parts/f32_conv.c"));
            writer.array("float", &format!("w{at}"), 4, floats(weights));
            writer.array("float", &format!("b{at}"), 4, floats(bias));
            format!("convolve(&s{at}, {}, {y}, w{at}, b{at}, {relu})", x(0))
        }
        Operation::Affine { scale, shift } => {
            writer.need(include_str!("parts/f32_affine.c"));
            writer.array("float", &format!("f{at}"), 4, floats(scale));
            writer.array("float", &format!("b{at}"), 4, floats(shift));
            let (pixels, channels) = (to.pixels(), to.channels);
            format!("affine({pixels}, {channels}, {}, {y}, f{at}, b{at}, {relu})", x(0))
        }
        Operation::Rectify => {
            writer.need(include_str!("parts/rectify.c"));
            format!("rectify({}, {}, {y}, 0)", to.len(), x(0))
        }
        Operation::MaxPool(window) => {
            writer.window(&format!("s{at}"), window, from, to);
            writer.need(include_str!("parts/max_pool.c"));
            let low = if step.relu { "0" } else { "-INFINITY" };
            format!("max_pool(&s{at}, {}, {y}, {low})", x(0))
        }
        Operation::AvgPool(window) => {
            writer.window(&format!("s{at}"), window, from, to);
            writer.need(include_str!("parts/f32_avg_pool.c"));
            format!("avg_pool(&s{at}, {}, {y}, {relu})", x(0))
        }
        Operation::Concat => {
            writer.need(include_str!("parts/f32_concat.c"));
            let mut first = 0;
            let mut calls = Vec::new();
            for (i, &value) in step.inputs.iter().enumerate() {
                let (channels, all) = (program.values[value].shape.channels, to.channels);
                let sizes = format!("{}, {channels}, {first}, {all}", to.pixels());
                calls.push(format!("concat({sizes}, {}, {y}, {relu})", x(i)));
                first += channels;
            }
            calls.join(";\n    ")
        }
        Operation::Add { scale } => {
            writer.need(include_str!("parts/f32_add.c"));
            let scale = text::float(*scale);
            format!("add({}, {}, {}, {scale}, {y}, {relu})", to.len(), x(0), x(1))
        }
    };
    writer.call(&step.name, &call);
}

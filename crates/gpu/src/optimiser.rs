//! The optimisers' kernels, made when a step first asks for one, and the averaged weights.

use crate::kernel::{Groups, Kernel};
use crate::layout::{Layout, MATRIX, TRAINED};
use crate::lower::Shared;
use crate::memory::BufferId;
use modiste_spec::engine::{Muon, Optimiser};

/// A buffer that an optimiser asks for: what it is and its number of values.
type Ask<'a> = &'a mut dyn FnMut(&str, usize) -> BufferId;

/// The kernels of one step of `optimiser`. `slots` are the buffers of its slots.
pub(crate) fn kernels(
    optimiser: &Optimiser,
    layout: &Layout,
    shared: &Shared,
    slots: &[BufferId],
    ask: Ask<'_>,
) -> (Vec<Kernel>, Vec<(BufferId, Vec<u32>)>) {
    match optimiser {
        Optimiser::Adam(_) => {
            let kernel = each("Adam", include_str!("shaders/adam.wgsl"), layout, shared)
                .reads("gradients", shared.gradients, "f32")
                .writes("first", slots[0], "f32")
                .writes("second", slots[1], "f32");
            (vec![kernel], Vec::new())
        }
        Optimiser::Sgd(_) => {
            let kernel = descent(layout, shared, slots[0])
                .constant("MUON", 0)
                .text("fn keep_matrix(i: u32, v: f32) {}");
            (vec![kernel], Vec::new())
        }
        Optimiser::Muon(_) => muon(layout, shared, slots[0], ask),
    }
}

/// The kernel that moves the averaged weights towards the parameters.
pub(crate) fn average(layout: &Layout, shared: &Shared, average: BufferId) -> Kernel {
    let body = include_str!("shaders/average.wgsl");
    Kernel::new("average", body, Groups::fixed(layout.len))
        .number("values", layout.len)
        .reads("parameters", shared.parameters, "f32")
        .writes("average", average, "f32")
}

/// A kernel that changes each parameter by its own rates.
fn each(label: &str, body: &'static str, layout: &Layout, shared: &Shared) -> Kernel {
    Kernel::new(label, body, Groups::fixed(layout.len))
        .constant("TRAINED", TRAINED as usize)
        .constant("MATRIX", MATRIX as usize)
        .number("values", layout.len)
        .reads("blocks", shared.blocks, "u32")
        .reads("rates", shared.rates, "vec4f")
        .writes("parameters", shared.parameters, "f32")
}

fn descent(layout: &Layout, shared: &Shared, momentum: BufferId) -> Kernel {
    each("descent", include_str!("shaders/descent.wgsl"), layout, shared)
        .reads("gradients", shared.gradients, "f32")
        .writes("momentum", momentum, "f32")
}

/// A matrix as the Newton-Schulz iteration sees it: with its shorter side first.
struct Matrix {
    first: usize,
    short: usize,
    long: usize,
    /// Values from one to the next along the short and along the long side.
    steps: [usize; 2],
}

fn matrices(layout: &Layout) -> Vec<Matrix> {
    let all = layout.parameters.iter().zip(&layout.firsts).zip(&layout.matrices);
    let chosen = all.filter(|(_, matrix)| **matrix);
    let matrix = |((parameter, &first), _): ((&modiste_spec::Parameter, _), _)| {
        let rows = parameter.shape[0];
        let columns = parameter.len() / rows;
        match rows <= columns {
            true => Matrix { first, short: rows, long: columns, steps: [columns, 1] },
            false => Matrix { first, short: columns, long: rows, steps: [1, columns] },
        }
    };
    chosen.map(matrix).collect()
}

fn muon(
    layout: &Layout,
    shared: &Shared,
    momentum: BufferId,
    ask: Ask<'_>,
) -> (Vec<Kernel>, Vec<(BufferId, Vec<u32>)>) {
    let all = matrices(layout);
    if all.is_empty() {
        let kernel = descent(layout, shared, momentum)
            .constant("MUON", 0)
            .text("fn keep_matrix(i: u32, v: f32) {}");
        return (vec![kernel], Vec::new());
    }
    let (mut table, mut grams) = (Vec::new(), 0);
    for m in &all {
        let entry = [m.first, m.short, m.long, m.steps[0], m.steps[1], grams, 0, 0];
        table.extend(entry.map(|n| n as u32));
        grams += m.short * m.short;
    }
    let [mut x, mut next] = [0, 1].map(|i| ask(&format!("matrices {i}"), layout.len));
    let [gram, polynomial] = ["Gram matrices", "polynomials"].map(|what| ask(what, grams));
    let described = ask("matrices' places", table.len());
    let mut kernels = vec![
        descent(layout, shared, momentum)
            .constant("MUON", 1)
            .writes("matrices", x, "f32")
            .text("fn keep_matrix(i: u32, v: f32) { matrices[i] = v; }"),
        Kernel::new(
            "Muon, norms",
            include_str!("shaders/muon_norm.wgsl"),
            Groups::count(all.len()),
        )
        .number("half", 128)
        .factor("epsilon", Muon::EPSILON)
        .reads("table", described, "u32")
        .writes("matrices", x, "f32"),
    ];
    for _ in 0..Muon::ITERATIONS {
        kernels.push(product(0, &all, described, [gram, x, gram]));
        kernels.push(product(1, &all, described, [gram, x, polynomial]));
        kernels.push(product(2, &all, described, [polynomial, x, next]));
        std::mem::swap(&mut x, &mut next);
    }
    let body = include_str!("shaders/muon_move.wgsl");
    kernels.push(each("Muon, steps", body, layout, shared).reads("matrices", x, "f32"));
    (kernels, vec![(described, table)])
}

/// One product of an iteration, from (Gram matrices or polynomials, matrices) to the last buffer.
fn product(
    stage: usize,
    all: &[Matrix],
    table: BufferId,
    [grams, x, out]: [BufferId; 3],
) -> Kernel {
    let tiles = |m: &Matrix| {
        m.short.div_ceil(16) * if stage == 2 { m.long.div_ceil(16) } else { m.short.div_ceil(16) }
    };
    let most = all.iter().map(tiles).max().unwrap_or(0);
    let groups = Groups { fixed: most as u64, per_image: 0, unit: 1, depth: all.len() as u64 };
    let [a, b, c] = Muon::COEFFICIENTS;
    let label = ["Muon, X X'", "Muon, polynomials", "Muon, steps of X"][stage];
    let kernel = Kernel::new(label, include_str!("shaders/muon_product.wgsl"), groups)
        .constant("STAGE", stage)
        .factor("a", a)
        .factor("b", b)
        .factor("c", c)
        .reads("table", table, "u32")
        .writes("out", out, "f32");
    match stage {
        // The other buffer is not read, and may not be bound twice.
        0 => kernel.reads("x", x, "f32").text("fn gram_at(i: u32) -> f32 { return 0.0; }"),
        1 => kernel
            .reads("grams", grams, "f32")
            .text("fn gram_at(i: u32) -> f32 { return grams[i]; }"),
        _ => kernel
            .reads("x", x, "f32")
            .reads("grams", grams, "f32")
            .text("fn gram_at(i: u32) -> f32 { return grams[i]; }"),
    }
    .text(match stage {
        1 => "fn x_value(i: u32) -> f32 { return 0.0; }",
        _ => "fn x_value(i: u32) -> f32 { return x[i]; }",
    })
}

//! The time of each shader of a training step, by the GPU's own clock.

use crate::engine::GpuEngine;
use crate::{GpuOptions, ShaderTime};
use modiste_spec::engine::{Batch, EngineError, Loss, Optimiser, Step, Totals};
use modiste_spec::{Engine, Network};

/// Steps over which times are averaged, after as many that are not timed.
const STEPS: u64 = 3;

/// Times the shaders of training steps on black images.
pub(crate) fn shader_times(
    network: &Network,
    options: &GpuOptions,
    optimiser: &Optimiser,
) -> Result<Vec<ShaderTime>, EngineError> {
    let mut engine = GpuEngine::new(network, options)?;
    let images = vec![0; options.batch * network.input_shape().len()];
    let labels: Vec<u16> = (0..options.batch).map(|i| (i % network.classes()) as u16).collect();
    let batch = Batch::of_classes(&images, &labels);
    let loss = Loss::default();
    let step = |number| Step {
        number,
        seed: 0,
        learning_rate: 1e-3,
        optimiser: *optimiser,
        loss: &loss,
        rates: &[],
        average: None,
    };
    let mut sums: Vec<ShaderTime> = Vec::new();
    for number in 0..2 * STEPS {
        engine.submit(batch, &step(number))?;
        let found = engine.timed_step(options.batch, optimiser)?;
        engine.totals(&mut Totals::default())?;
        if number < STEPS {
            continue;
        }
        match sums.is_empty() {
            true => sums = found,
            false => sums.iter_mut().zip(found).for_each(|(sum, found)| {
                sum.milliseconds += found.milliseconds;
            }),
        }
    }
    for time in &mut sums {
        time.milliseconds /= STEPS as f64;
        // What was found is the work of a step, in 10^9 operations.
        let rate = 1e3 * time.gflops / time.milliseconds;
        time.gflops = if time.milliseconds > 0.0 { rate } else { 0.0 };
    }
    Ok(sums)
}

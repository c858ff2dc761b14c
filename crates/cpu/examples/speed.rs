//! Measures images per second of training and inference, and prints a table of the training steps.
//!
//! `speed LENGTH WIDTH STRIDE BATCH THREADS ISA [STEPS]` takes the paper's network, `speed narrow CHANNELS 1 ..`
//! a residual network with few channels. Each time is the minimum over all steps, which depends least on
//! other work on the machine.
use modiste_cpu::{CpuEngine, CpuOptions, Isa};
use modiste_spec::engine::{Adam, Batch, Loss, Optimiser, Step, Weights};
use modiste_spec::{Engine, InceptionResNet, Network, NetworkBuilder, NodeId, Op, Shape};
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, default: usize| args.get(i).map_or(default, |a| a.parse().unwrap());
    let (batch, threads) = (number(3, 64), number(4, 2));
    let isa = args.get(5).map_or(Isa::best(), |name| Isa::named(name).unwrap());
    let steps = number(6, 20) as u64;
    let network = match args.first().map(String::as_str) {
        Some("narrow") => narrow(number(1, 16)),
        _ => {
            let (length, width, stem_stride) = (number(0, 4), number(1, 5), number(2, 1));
            let settings = InceptionResNet { length, width, stem_stride, ..Default::default() };
            settings.network(Shape::new(28, 28, 1), 10).unwrap()
        }
    };
    let mut engine =
        CpuEngine::new(&network, CpuOptions { batch, threads, isa, direct: false }).unwrap();
    let images: Vec<u8> = (0..batch * 784).map(|i| (i * 7919 % 251) as u8).collect();
    let labels: Vec<u16> = (0..batch).map(|i| (i % 10) as u16).collect();
    let (mut least, mut rest, mut table) = (f64::INFINITY, f64::INFINITY, Vec::new());
    for number in 0..steps {
        let loss = &Loss::default();
        let optimiser = Optimiser::Adam(Adam::default());
        let (seed, learning_rate, rates, average) = (1, 1e-3, &[], None);
        let step = Step { number, seed, learning_rate, optimiser, loss, rates, average };
        let start = Instant::now();
        let totals = engine.train_step(Batch::of_classes(&images, &labels), &step).unwrap();
        least = least.min(start.elapsed().as_secs_f64());
        let [training, _] = engine.profiles();
        rest = rest.min(training.rest_seconds);
        table.resize(training.steps.len(), (f64::INFINITY, f64::INFINITY));
        for (least, step) in table.iter_mut().zip(&training.steps) {
            *least = (least.0.min(step.forward_seconds), least.1.min(step.backward_seconds));
        }
        if number + 1 == steps {
            println!("loss {:.6}", totals.mean_loss());
            print_table(&table, &training.steps, batch as u64);
        }
    }
    println!("rest {:.2} ms", rest * 1e3);
    let work = network.multiply_adds() as f64 / 1e6;
    println!("train {:.1} images/s of {work:.1} million multiply-adds", batch as f64 / least);
    let mut least = f64::INFINITY;
    for _ in 0..steps {
        let start = Instant::now();
        engine.predict(&images, Weights::Current).unwrap();
        least = least.min(start.elapsed().as_secs_f64());
    }
    println!("infer {:.1} images/s", batch as f64 / least);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap());
}

fn print_table(least: &[(f64, f64)], steps: &[modiste_cpu::StepProfile], batch: u64) {
    let mut sums = std::collections::BTreeMap::new();
    for (&(forward, backward), step) in least.iter().zip(steps) {
        let operations = 2.0 * (step.multiply_adds * batch) as f64 / 1e9;
        println!(
            "{:32} {:10} {:7.3} {:7.3} ms  {:6.0} {:6.0} GFLOP/s {:5.1} GB/s",
            step.name,
            step.method,
            forward * 1e3,
            backward * 1e3,
            operations / forward,
            2.0 * operations / backward,
            (step.bytes * batch) as f64 / forward / 1e9
        );
        let sum = sums.entry(step.method).or_insert((0.0, 0.0));
        *sum = (sum.0 + forward * 1e3, sum.1 + backward * 1e3);
    }
    println!("{sums:.2?} ms");
}

/// A stem of `width` channels, then three stages of 1, 2 and 4 times as many channels: a convolution, a pool
/// and two convolutions with a shortcut around them.
fn narrow(width: usize) -> Network {
    let mut net = NetworkBuilder::default();
    let shape = Shape::new(28, 28, 1);
    let mut x = net.add("image", Op::Input { shape }, &[]).unwrap();
    x = conv(&mut net, "stem", x, width);
    for (stage, channels) in [width, 2 * width, 4 * width].into_iter().enumerate() {
        let name = |part: &str| format!("stage{stage}.{part}");
        x = conv(&mut net, &name("conv"), x, channels);
        x = net.add(name("pool"), Op::MaxPool { kernel: 3, stride: 2 }, &[x]).unwrap();
        let y = conv(&mut net, &name("first"), x, channels);
        let y = conv(&mut net, &name("second"), y, channels);
        x = net.add(name("add"), Op::ScaledAdd { scale: 1.0 }, &[x, y]).unwrap();
    }
    x = net.add("pool", Op::GlobalAvgPool, &[x]).unwrap();
    x = net.add("dense", Op::Dense { units: 10 }, &[x]).unwrap();
    net.add("softmax", Op::Softmax, &[x]).unwrap();
    net.finish().unwrap()
}

/// Convolution 3x3, normalisation and ReLU.
fn conv(net: &mut NetworkBuilder, name: &str, x: NodeId, channels: usize) -> NodeId {
    let conv = Op::Conv { kernel: 3, stride: 1, channels, bias: false };
    let x = net.add(format!("{name}.conv"), conv, &[x]).unwrap();
    let norm = Op::BatchNorm { epsilon: 1e-3, momentum: 0.1, scale: false };
    let x = net.add(format!("{name}.norm"), norm, &[x]).unwrap();
    net.add(format!("{name}.relu"), Op::Relu, &[x]).unwrap()
}

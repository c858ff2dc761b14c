//! Images per second of training and inference: `speed LENGTH WIDTH STRIDE BATCH THREADS ISA`.
use modiste_cpu::{CpuEngine, CpuOptions, Isa};
use modiste_spec::engine::{Adam, Batch, Loss, Optimiser, Step, Weights};
use modiste_spec::{Engine, InceptionResNet, Shape};
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, default: usize| args.get(i).map_or(default, |a| a.parse().unwrap());
    let (length, width, stem_stride) = (number(0, 4), number(1, 5), number(2, 1));
    let (batch, threads) = (number(3, 64), number(4, 2));
    let isa = args.get(5).map_or(Isa::best(), |name| Isa::named(name).unwrap());
    let settings = InceptionResNet { length, width, stem_stride, ..Default::default() };
    let network = settings.network(Shape::new(28, 28, 1), 10).unwrap();
    let mut engine =
        CpuEngine::new(&network, CpuOptions { batch, threads, isa, direct: false }).unwrap();
    let images: Vec<u8> = (0..batch * 784).map(|i| (i * 7919 % 251) as u8).collect();
    let labels: Vec<u16> = (0..batch).map(|i| (i % 10) as u16).collect();
    let loss = Loss::default();
    let mut times = Vec::new();
    for step in 0..12 {
        if step == 2 {
            engine.profiles();
        }
        let start = Instant::now();
        let (number, optimiser, loss) = (step, Optimiser::Adam(Adam::default()), &loss);
        let (seed, learning_rate, rates, average) = (1, 1e-3, &[], None);
        let step = Step { number, seed, learning_rate, optimiser, loss, rates, average };
        let totals = engine.train_step(Batch::of_classes(&images, &labels), &step).unwrap();
        times.push(start.elapsed().as_secs_f64());
        if number == 11 {
            println!("loss {:.4}", totals.mean_loss());
        }
    }
    times.drain(..2);
    times.sort_by(f64::total_cmp);
    println!("train {:.1} images/s (best {:.1})", batch as f64 / times[5], batch as f64 / times[0]);
    let mut times: Vec<f64> = (0..10)
        .map(|_| {
            let start = Instant::now();
            engine.predict(&images, Weights::Current).unwrap();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("infer {:.1} images/s (best {:.1})", batch as f64 / times[5], batch as f64 / times[0]);
    let [training, _] = engine.profiles();
    println!("rest {:.1} ms", training.rest_seconds / 10.0 * 1e3);
    let mut by_kind = std::collections::BTreeMap::new();
    for s in &training.steps {
        if args.get(6).is_some() {
            println!(
                "{:32} {:10} {:6.1} {:6.1} ms  {:6.0} {:6.0} GFLOP/s {:5.1} GB/s",
                s.name,
                s.method,
                s.forward_seconds / 10.0 * 1e3,
                s.backward_seconds / 10.0 * 1e3,
                2.0 * (s.multiply_adds * batch as u64 * 10) as f64 / s.forward_seconds / 1e9,
                4.0 * (s.multiply_adds * batch as u64 * 10) as f64 / s.backward_seconds / 1e9,
                (s.bytes * batch as u64 * 10) as f64 / s.forward_seconds / 1e9
            );
        }
        let e = by_kind.entry(s.method).or_insert((0.0, 0.0));
        e.0 += s.forward_seconds / 10.0 * 1e3;
        e.1 += s.backward_seconds / 10.0 * 1e3;
    }
    println!("{by_kind:.1?} ms");
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        let n: Vec<f64> =
            text.split_whitespace().map(|v| v.parse::<f64>().unwrap() / 1e9).collect();
        println!("ran {:.2} s, waited {:.2} s", n[0], n[1]);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap());
}

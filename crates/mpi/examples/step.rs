//! Measures how a training step over several ranks spends its time: `mpirun -n 2 step BATCH [MICROSECONDS]`.
//!
//! It trains the default network of `modiste train` on one thread per rank. Rank 0 prints a line of JSON:
//! the median time of a step, and the median time and size of each exchange in it. MICROSECONDS are added
//! to every round of messages. Without `mpirun` one process trains alone.

use modiste_cpu::{CpuEngine, CpuOptions};
use modiste_mpi::Team;
use modiste_spec::engine::{Batch, Exchange, Loss, Optimiser, Sgd, Step, Totals};
use modiste_spec::{Architecture, Engine, Network, Residual, Shape};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const WARM_UP: usize = 2;
const STEPS: usize = 15;

/// A measured exchange.
struct Note {
    kind: &'static str,
    /// Number of values of the whole array.
    values: usize,
    seconds: f64,
}

type Notes = Arc<Mutex<Vec<Note>>>;

/// Forwards exchanges, records them, and delays each round of messages.
struct Noted {
    inner: Box<dyn Exchange>,
    notes: Notes,
    delay: Duration,
}

impl Noted {
    fn note(
        &mut self,
        kind: &'static str,
        values: usize,
        rounds: u32,
        exchange: impl FnOnce(&mut dyn Exchange) -> io::Result<()>,
    ) -> io::Result<()> {
        let clock = Instant::now();
        exchange(self.inner.as_mut())?;
        // Sleeping would take longer than the delay.
        let exchanged = Instant::now();
        while exchanged.elapsed() < rounds * self.delay {
            std::hint::spin_loop();
        }
        let seconds = clock.elapsed().as_secs_f64();
        self.notes.lock().expect("nobody panicked").push(Note { kind, values, seconds });
        Ok(())
    }
}

impl Exchange for Noted {
    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn ranks(&self) -> usize {
        self.inner.ranks()
    }

    fn gather(&mut self, values: &mut [f32], cuts: &[usize]) -> io::Result<()> {
        let rounds = self.ranks().next_power_of_two().trailing_zeros();
        self.note("gather", cuts[self.ranks()], rounds, |inner| inner.gather(values, cuts))
    }

    fn turn(
        &mut self,
        values: &mut [f32],
        width: usize,
        rows: &[usize],
        columns: &[usize],
    ) -> io::Result<()> {
        let all = rows[self.ranks()] * width;
        self.note("turn", all, 1, |inner| inner.turn(values, width, rows, columns))
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let batch = arguments.next().expect("the batch is named").expect("a number") as usize;
    let delay = arguments.next().map_or(0, |delay| delay.expect("a number of microseconds"));
    let stalled = |_| std::process::exit(1);
    let team = Team::join(Duration::from_secs(120), stalled).expect("MPI starts");
    let network = Architecture::Residual(Residual::default());
    let network = network.network(Shape::new(28, 28, 1), 10).expect("a sound network");
    let options = CpuOptions { batch, threads: 1, ..CpuOptions::default() };
    let mut engine = CpuEngine::new(&network, options).expect("the engine takes it");
    let notes = Notes::default();
    if let Some(team) = &team {
        let delay = Duration::from_micros(delay);
        let exchange = Noted { inner: team.exchange(), notes: notes.clone(), delay };
        engine = engine.with_exchange(Box::new(exchange));
    }
    let mut steps = Vec::new();
    let mut exchanges: Vec<Vec<Note>> = Vec::new();
    for number in 0..WARM_UP + STEPS {
        let seconds = step(&mut engine, &network, batch, number as u64);
        let noted = std::mem::take(&mut *notes.lock().expect("nobody panicked"));
        if number >= WARM_UP {
            steps.push(seconds);
            exchanges.push(noted);
        }
    }
    let (rank, ranks) = team.as_ref().map_or((0, 1), |team| (team.rank(), team.ranks()));
    if rank == 0 {
        print(ranks, batch, delay, network.trainable(), steps, &exchanges);
    }
    if let Some(team) = team {
        team.end();
    }
}

/// Makes a step; returns its time in seconds.
fn step(engine: &mut CpuEngine, network: &Network, batch: usize, number: u64) -> f64 {
    let own = engine.share(batch);
    let pixels = own.len() * network.input_shape().len();
    let images: Vec<u8> = (0..pixels).map(|i| (i * i * 31 % 251) as u8).collect();
    let labels: Vec<u16> = (0..batch).map(|i| (i % network.classes()) as u16).collect();
    let step = Step {
        number,
        seed: 0,
        learning_rate: 0.01,
        optimiser: Optimiser::Sgd(Sgd::default()),
        loss: &Loss::default(),
        rates: &[],
        average: None,
    };
    let clock = Instant::now();
    engine.submit(Batch::of_classes(&images, &labels), &step).expect("the step is possible");
    engine.totals(&mut Totals::default()).expect("the step was made");
    clock.elapsed().as_secs_f64()
}

fn print(
    ranks: usize,
    batch: usize,
    delay: u64,
    parameters: usize,
    steps: Vec<f64>,
    exchanges: &[Vec<Note>],
) {
    let of_step = |at: usize| {
        let note = &exchanges[0][at];
        let seconds = median(exchanges.iter().map(|step| step[at].seconds).collect());
        format!(
            "{{\"kind\": \"{}\", \"values\": {}, \"seconds\": {seconds:.3e}}}",
            note.kind, note.values
        )
    };
    let noted: Vec<String> = (0..exchanges[0].len()).map(of_step).collect();
    println!(
        "{{\"ranks\": {ranks}, \"batch\": {batch}, \"delay_us\": {delay}, \"parameters\": {parameters}, \
         \"step_seconds\": {:.4e}, \"exchanges\": [{}]}}",
        median(steps),
        noted.join(", ")
    );
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

//! Measures exchanges between ranks: `mpirun -n 2 exchange` prints a line of JSON for each number of values.
//!
//! A line has the median time of a gather in which all ranks contribute parts of equal size, and of a
//! transposition of 8 rows with that many values, as in the exchange of a step's gradients.

use modiste_mpi::Team;
use modiste_spec::engine::part;
use std::time::{Duration, Instant};

const SIZES: [usize; 7] = [16, 256, 4_096, 32_768, 131_072, 524_288, 1_048_576];
const ROWS: usize = 8;

fn main() {
    let stalled = |_| std::process::exit(1);
    let team = Team::join(Duration::from_secs(120), stalled).expect("MPI starts");
    let team = team.expect("started by mpirun as one of several ranks");
    let mut exchange = team.exchange();
    let (rank, ranks) = (team.rank(), team.ranks());
    for size in SIZES {
        let columns: Vec<usize> = (0..=ranks).map(|r| part(size, r, ranks).start).collect();
        let rows: Vec<usize> = (0..=ranks).map(|r| part(ROWS, r, ranks).start).collect();
        let mut values = vec![rank as f32; ROWS * size];
        let gather = median(|| exchange.gather(&mut values[..size], &columns));
        let turn = median(|| exchange.turn(&mut values, size, &rows, &columns));
        if rank == 0 {
            println!(
                "{{\"ranks\": {ranks}, \"values\": {size}, \"gather_seconds\": {gather:.3e}, \
                 \"turn_seconds\": {turn:.3e}}}"
            );
        }
    }
    team.end();
}

/// Median time of several runs, after one run that is not counted.
fn median(mut exchange: impl FnMut() -> std::io::Result<()>) -> f64 {
    let mut times: Vec<f64> = (0..16)
        .map(|_| {
            let clock = Instant::now();
            exchange().expect("the other ranks answer");
            clock.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

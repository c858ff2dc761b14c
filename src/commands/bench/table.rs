//! The results of a benchmark as text.

use std::fmt;

use super::{Bench, StepCost};

/// Explains the columns of both tables of steps.
const LEGEND: &str = "\
Mmadd: 10^6 multiply-adds of the batch, forward, as the direct method counts them; MB: least data read and
written; roof: the shortest possible forward time by both limits over the time taken, above 100 % if maps
are still in the caches; in prediction they always are, so only the limit of the products counts";

impl fmt::Display for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (network, limits) = (&self.network.settings, &self.limits);
        let (batch, threads, isa) = (self.batch, self.threads, self.instruction_set);
        writeln!(f, "{network}; batch {batch}, {threads} threads, {isa}")?;
        writeln!(
            f,
            "limits measured in this run: {:.0} GFLOP/s (products in the cache), {:.1} GB/s (copying)",
            limits.gflops, limits.gigabytes_per_second
        )?;
        let columns = "method       Mmadd      MB     forward   roof";
        writeln!(f, "\n{:<29} {columns}    backward  direct GFLOP/s", "training step")?;
        for s in &self.steps {
            let (there, back) = (s.forward_gflops, s.backward_gflops);
            row(f, s, &format!("{:>8.2} ms {there:>8.0} {back:>6.0}", s.backward_milliseconds))?;
        }
        let rest = self.rest_milliseconds;
        writeln!(f, "{:<56} {rest:>7.2} ms", "conversion, filters, loss, optimiser")?;
        writeln!(f, "\n{:<29} {columns}  direct GFLOP/s", "prediction step")?;
        for s in &self.infer_steps {
            row(f, s, &format!("{:>8.0}", s.forward_gflops))?;
        }
        writeln!(f, "\n{LEGEND}")?;
        writeln!(f, "\ntraining   {:>9.1} images/s", self.train_images_per_second)?;
        writeln!(f, "inference  {:>9.1} images/s", self.infer_images_per_second)?;
        writeln!(f, "one image  {:>9.2} ms", self.infer_latency_milliseconds)?;
        writeln!(f, "first step {:>9.2} s after the engine's start", self.first_step_seconds)?;
        match self.peak_bytes {
            Some(bytes) => {
                writeln!(f, "memory     {:>9.0} MiB at most", bytes as f64 / f64::from(1 << 20))
            }
            None => Ok(()),
        }
    }
}

/// Writes one step with its share of the roofline, forward.
fn row(f: &mut fmt::Formatter<'_>, s: &StepCost, rest: &str) -> fmt::Result {
    let (name, method) = (&s.name, s.method);
    let (multiply_adds, bytes) = (s.multiply_adds as f64 / 1e6, s.bytes as f64 / 1e6);
    let (time, share) = (s.forward_milliseconds, 100.0 * s.roofline_share);
    writeln!(
        f,
        "{name:<29} {method:<9} {multiply_adds:>8.0} {bytes:>7.1} {time:>8.2} ms {share:>4.0} % {rest}"
    )
}

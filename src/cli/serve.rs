//! Arguments of `modiste serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use modiste_serve::{BasePath, Batching, Limits, Listen, Site};

/// Arguments of `modiste serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// A model file, or the folder of a run, whose best model is taken
    pub model: PathBuf,
    /// Address or host name and port to listen on, or a Unix socket as unix:PATH; port 0 takes a free
    /// one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: Listen,
    /// Answer only clients that send the token in this file; the environment variable MODISTE_TOKEN
    /// does the same
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Let pages of this site use the server, too, such as https://example.org, or * for all sites;
    /// repeatable
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<Site>,
    /// Path under which a proxy offers the server, such as /clf/
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub base_path: BasePath,
    /// Threads to compute with [default: as many as the machine runs at once]
    #[arg(long, value_name = "N", value_parser = super::threads)]
    pub threads: Option<usize>,
    /// Do not evaluate the model on its validation images for the page
    #[arg(long)]
    pub no_card: bool,
    #[command(flatten)]
    pub batch: BatchArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// How requests are put together.
#[derive(Debug, Args)]
#[command(next_help_heading = "Batches")]
pub struct BatchArgs {
    /// The most images that go through the network together
    #[arg(long, value_name = "N", default_value = "64", value_parser = super::images)]
    pub batch: usize,
    /// Milliseconds that the first request of a batch waits for others; while the engine works, the
    /// next batch gathers without this
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    pub batch_delay: Duration,
}

/// What a client may ask for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Bytes of a request's body
    #[arg(long, value_name = "BYTES", default_value = "8388608", value_parser = whole::<{ 1 << 30 }>)]
    max_body: usize,
    /// Rows times columns of a picture
    #[arg(long, value_name = "N", default_value = "16777216", value_parser = whole::<{ 1 << 28 }>)]
    max_pixels: usize,
    /// Rows times columns of all pictures of a request together
    #[arg(long, value_name = "N", default_value = "67108864", value_parser = whole::<{ 1 << 32 }>)]
    max_request_pixels: usize,
    /// Images of a request
    #[arg(long, value_name = "N", default_value = "256", value_parser = whole::<4096>)]
    max_images: usize,
    /// Images that wait for the engine; further ones are answered with 503
    #[arg(long, value_name = "N", default_value = "1024", value_parser = whole::<{ 1 << 20 }>)]
    queue: usize,
    /// Requests whose images are worked on at once; further ones are answered with 503
    #[arg(long, value_name = "N", default_value = "256", value_parser = whole::<65536>)]
    max_requests: usize,
    /// Connections at once; a further one takes the place of one that has waited for its client
    /// longest, or is answered with 503
    #[arg(long, value_name = "N", default_value = "512", value_parser = whole::<65536>)]
    max_connections: usize,
    /// Bytes of all bodies at once, and of all answers; further ones are answered with 503
    #[arg(long, value_name = "BYTES", default_value = "67108864", value_parser = whole::<{ 1 << 36 }>)]
    max_bodies: usize,
    /// Seconds that a request's header, then its body, then the work on it, then taking in its answer
    /// may take
    #[arg(long, value_name = "S", default_value = "10", value_parser = time)]
    timeout: Duration,
    /// Seconds that requests in flight may take after SIGTERM
    #[arg(long, value_name = "S", default_value = "20", value_parser = time)]
    drain: Duration,
}

impl BatchArgs {
    pub fn batching(&self) -> Batching {
        Batching { images: self.batch, delay: self.batch_delay }
    }
}

impl LimitArgs {
    /// The limits.
    ///
    /// # Errors
    /// If one of them makes another one meaningless.
    pub fn limits(&self) -> Result<Limits, String> {
        if self.max_images > self.queue {
            let Self { max_images, queue, .. } = self;
            return Err(format!("--max-images {max_images} does not fit into --queue {queue}"));
        }
        if self.max_body > self.max_bodies {
            let Self { max_body, max_bodies, .. } = self;
            return Err(format!(
                "--max-body {max_body} does not fit into --max-bodies {max_bodies}"
            ));
        }
        if self.max_pixels > self.max_request_pixels {
            let Self { max_pixels, max_request_pixels, .. } = self;
            return Err(format!(
                "--max-pixels {max_pixels} does not fit into --max-request-pixels \
                 {max_request_pixels}"
            ));
        }
        Ok(Limits {
            body_bytes: self.max_body,
            bodies_bytes: self.max_bodies,
            pixels: self.max_pixels,
            request_pixels: self.max_request_pixels,
            images: self.max_images,
            queued_images: self.queue,
            requests: self.max_requests,
            connections: self.max_connections,
            time: self.timeout,
            drain: self.drain,
        })
    }
}

/// A number from 1 to `MOST`.
fn whole<const MOST: usize>(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| format!("not a whole number from 1 to {MOST}"))
}

/// A time limit in seconds.
fn time(text: &str) -> Result<Duration, String> {
    let number = text.parse().ok().filter(|number| (0.01..=3600.0).contains(number));
    let number = number.ok_or_else(|| "not a number of seconds from 0.01 to 3600".to_owned())?;
    Ok(Duration::from_secs_f64(number))
}

/// A time to wait in milliseconds.
fn milliseconds(text: &str) -> Result<Duration, String> {
    let number: Option<f64> = text.parse().ok().filter(|number| (0.0..=1000.0).contains(number));
    let number = number.ok_or_else(|| "not a number of milliseconds from 0 to 1000".to_owned())?;
    Ok(Duration::from_secs_f64(number / 1000.0))
}

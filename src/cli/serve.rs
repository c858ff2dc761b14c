//! Arguments of `modiste serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use modiste_serve::{BasePath, Batching, Limits, Listen, Site};

/// Arguments of `modiste serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// A model file, a run folder to serve its best model, or swift for the trained model that is
    /// part of the program
    pub model: PathBuf,
    /// Address or host name with a port to listen on, or a Unix socket as unix:PATH; port 0 picks a
    /// free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: Listen,
    /// Answer only clients that send the token in this file; the environment variable MODISTE_TOKEN
    /// does the same
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Allow pages of this site, such as https://example.org, to use the server; * allows all sites;
    /// repeatable
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<Site>,
    /// Path of the server behind a proxy, such as /clf/
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub base_path: BasePath,
    /// Number of threads [default: as many as the machine runs at once]
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

/// How requests are combined into batches.
#[derive(Debug, Args)]
#[command(next_help_heading = "Batches")]
pub struct BatchArgs {
    /// Largest number of images in a batch
    #[arg(long, value_name = "N", default_value = "64", value_parser = super::images)]
    pub batch: usize,
    /// Milliseconds that the first request of a batch waits for others while the engine is idle
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    pub batch_delay: Duration,
}

/// The limits of requests.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Largest body of a request, in bytes
    #[arg(long, value_name = "BYTES", default_value = "8388608", value_parser = whole::<{ 1 << 30 }>)]
    max_body: usize,
    /// Largest picture, in pixels (rows times columns)
    #[arg(long, value_name = "N", default_value = "16777216", value_parser = whole::<{ 1 << 28 }>)]
    max_pixels: usize,
    /// Most pixels of all pictures of a request together
    #[arg(long, value_name = "N", default_value = "67108864", value_parser = whole::<{ 1 << 32 }>)]
    max_request_pixels: usize,
    /// Most images in a request
    #[arg(long, value_name = "N", default_value = "256", value_parser = whole::<4096>)]
    max_images: usize,
    /// Most images that wait for the engine; further requests get 503
    #[arg(long, value_name = "N", default_value = "1024", value_parser = whole::<{ 1 << 20 }>)]
    queue: usize,
    /// Most requests in progress at the same time; further ones get 503
    #[arg(long, value_name = "N", default_value = "256", value_parser = whole::<65536>)]
    max_requests: usize,
    /// Most open connections; a further one takes the place of the client that has kept its connection
    /// waiting longest, or gets 503
    #[arg(long, value_name = "N", default_value = "512", value_parser = whole::<65536>)]
    max_connections: usize,
    /// Most bytes of all bodies, of all images prepared for the network, and of all answers; further
    /// requests get 503
    #[arg(long, value_name = "BYTES", default_value = "67108864", value_parser = whole::<{ 1 << 36 }>)]
    max_bodies: usize,
    /// Most seconds for each of: receiving a request's header, receiving its body, computing,
    /// sending the answer
    #[arg(long, value_name = "S", default_value = "10", value_parser = time)]
    timeout: Duration,
    /// Most seconds to complete requests in flight after SIGTERM
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
    /// If two of them contradict each other.
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

//! A trained network as one HTML file that computes answers in the browser without any request.
//!
//! The page contains the steps of a [`Program`] as JSON, their numbers as base64, and the files in `assets/`:
//! `network.js` computes steps, `picture.js` prepares pictures (a line-by-line port of the `photo` module of
//! `modiste-data`), `decode.js` and `jpeg.js` read files, and `app.js` is the user interface. [`read_page`] extracts
//! the network from a page, so that it can be checked before the page is written.

mod stored;

use serde::Serialize;

use crate::program::Program;
pub use stored::read_page;
use stored::{StoredModel, weights};

/// Preparation of pictures for the network.
#[derive(Clone, Debug, Serialize)]
pub struct PagePreparation {
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// 1 or 3.
    pub channels: usize,
    /// How pictures of another aspect ratio are fitted: pad, crop or stretch.
    pub fit: String,
    /// Background of transparent pictures: auto, white or black.
    pub ground: String,
    /// Whether pictures become garments on a black background.
    pub garments: bool,
}

/// Description of the model on the page.
#[derive(Clone, Debug, Serialize)]
pub struct PageCard {
    /// Name of the model, which is the page's title.
    pub name: String,
    /// Name of the data set.
    pub data: String,
    /// Split of the data.
    pub split: String,
    /// The chosen epoch.
    pub epoch: usize,
    /// Number of trained parameters.
    pub parameters: usize,
    /// Version of modiste that trained it.
    pub modiste: String,
    /// Checksum of the model file.
    pub checksum: String,
    /// Figures: name, value and source.
    pub figures: Vec<[String; 3]>,
    /// Thresholds for "none of these".
    pub rules: Vec<PageRule>,
}

/// A threshold for "none of these".
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PageRule {
    /// Accuracy of the accepted answers.
    pub target: f64,
    /// Smallest probability of an accepted answer.
    pub threshold: f64,
    /// Share of images with an accepted answer.
    pub coverage: f64,
}

/// Names and settings for the page of a network.
#[derive(Clone, Debug)]
pub struct PageSource<'a> {
    /// Names of the classes.
    pub classes: &'a [String],
    /// Divisor of the logits before softmax.
    pub temperature: f64,
    /// Preparation of pictures.
    pub preparation: PagePreparation,
    /// Description of the model.
    pub card: PageCard,
}

/// The page; equal sources give equal texts.
pub fn page(program: &Program, source: &PageSource<'_>) -> String {
    let model = serde_json::to_string(&StoredModel::of(program, source));
    // The text of a script ends at the first `</script`, even within a string.
    let model = model.expect("plain data is JSON").replace('<', "\\u003c");
    // The server's page has these files as modules.
    let shared = [
        include_str!("../../../serve/assets/parts.js"),
        include_str!("../../../serve/assets/draw.js"),
    ];
    let shared = shared.concat().replace("export ", "");
    let scripts = [
        include_str!("assets/network.js"),
        include_str!("assets/picture.js"),
        include_str!("assets/jpeg.js"),
        include_str!("assets/decode.js"),
        &shared,
        include_str!("assets/app.js"),
    ];
    let [head, rest] = halves(include_str!("assets/page.html"), "STYLE");
    let [top, rest] = halves(rest, "PANES");
    let [body, rest] = halves(rest, "MODEL");
    let [between, rest] = halves(rest, "WEIGHTS");
    let [before, end] = halves(rest, "SCRIPT");
    let panes = include_str!("../../../serve/assets/panes.html");
    let style =
        concat!(include_str!("../../../serve/assets/base.css"), include_str!("assets/page.css"));
    let (weights, script) = (weights(program), scripts.concat());
    [head, style, top, panes, body, &model, between, &weights, before, &script, end].concat()
}

/// The text before and after `mark`.
fn halves<'a>(text: &'a str, mark: &str) -> [&'a str; 2] {
    let (before, after) = text.split_once(mark).expect("the page has a place for each part");
    [before, after]
}

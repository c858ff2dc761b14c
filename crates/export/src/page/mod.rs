//! A trained network as one HTML file that computes answers in the browser and asks nobody.
//!
//! The page has the steps of a [`Program`] as JSON, their numbers as base64, and the files in `assets/`:
//! `network.js` computes steps, `picture.js` is the preparation of pictures (the `photo` module of `modiste-data`,
//! line by line), `decode.js` and `jpeg.js` read files, `app.js` is the rest. [`read_page`] takes the network out of a
//! page again, so that it can be checked before the page is written.

mod stored;

use serde::Serialize;

use crate::program::Program;
pub use stored::read_page;
use stored::{StoredModel, weights};

/// What is done to pictures before the network sees them.
#[derive(Clone, Debug, Serialize)]
pub struct PagePreparation {
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// 1 or 3.
    pub channels: usize,
    /// How pictures of another shape are fitted: pad, crop or stretch.
    pub fit: String,
    /// What lies behind transparent pictures: auto, white or black.
    pub ground: String,
    /// Whether pictures become garments on black.
    pub garments: bool,
}

/// What the page says of the model.
#[derive(Clone, Debug, Serialize)]
pub struct PageCard {
    /// Its name, the page's title.
    pub name: String,
    /// Name of the data set.
    pub data: String,
    /// Its split.
    pub split: String,
    /// The epoch that was chosen.
    pub epoch: usize,
    /// Trained values.
    pub parameters: usize,
    /// Version of modiste that trained it.
    pub modiste: String,
    /// Checksum of the model file.
    pub checksum: String,
    /// Figures: name, value, and where it comes from.
    pub figures: Vec<[String; 3]>,
    /// Thresholds for "none of these".
    pub rules: Vec<PageRule>,
}

/// A threshold for "none of these".
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PageRule {
    /// The accuracy of the answers that are given.
    pub target: f64,
    /// The least probability that is answered.
    pub threshold: f64,
    /// Part of the images that is answered.
    pub coverage: f64,
}

/// What goes with a network into its page.
#[derive(Clone, Debug)]
pub struct PageSource<'a> {
    /// The name of each class.
    pub classes: &'a [String],
    /// Divisor of the logits before softmax.
    pub temperature: f64,
    /// What is done to pictures.
    pub preparation: PagePreparation,
    /// What the page says of the model.
    pub card: PageCard,
}

/// The page, the same text every time.
pub fn page(program: &Program, source: &PageSource<'_>) -> String {
    let model = serde_json::to_string(&StoredModel::of(program, source));
    // Text of a script ends at the first `</script`, wherever that stands.
    let model = model.expect("plain data is JSON").replace('<', "\\u003c");
    // The drawing area is that of the server's page, where it is a module.
    let drawing = include_str!("../../../serve/assets/draw.js").replace("export ", "");
    let scripts = [
        include_str!("assets/network.js"),
        include_str!("assets/picture.js"),
        include_str!("assets/jpeg.js"),
        include_str!("assets/decode.js"),
        &drawing,
        include_str!("assets/app.js"),
    ];
    let [head, rest] = halves(include_str!("assets/page.html"), "STYLE");
    let [body, rest] = halves(rest, "MODEL");
    let [between, rest] = halves(rest, "WEIGHTS");
    let [before, end] = halves(rest, "SCRIPT");
    let style = include_str!("assets/page.css");
    let (weights, script) = (weights(program), scripts.concat());
    [head, style, body, &model, between, &weights, before, &script, end].concat()
}

/// What stands before and after `mark`.
fn halves<'a>(text: &'a str, mark: &str) -> [&'a str; 2] {
    let (before, after) = text.split_once(mark).expect("the page has a place for each part");
    [before, after]
}

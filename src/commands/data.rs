//! `modiste data`: describes, checks and draws data.

use std::fmt;

use modiste_data::{DataInfo, Part, PartInfo, PartName};
use modiste_draw::Picture;
use modiste_views::{Table, grouped};
use serde::Serialize;

use crate::cli::{BaseArgs, DataCommand, InfoArgs, SamplesArgs};
use crate::commands::{check, drawing, loaded, settings};
use crate::failure::Failure;
use crate::output;

/// Runs one of the commands.
pub fn run(command: DataCommand) -> Result<(), Failure> {
    match command {
        DataCommand::Info(args) => info(args),
        DataCommand::Check(args) => check::run(*args),
        DataCommand::Samples(args) => samples(args),
    }
}

fn info(args: InfoArgs) -> Result<(), Failure> {
    let (config, _) = settings::build(&BaseArgs::default(), &[&args.data.0])?;
    let data = config.load_data()?;
    loaded::tell(&data);
    Ok(output::print_either(&InfoText(modiste_data::info(&data)), args.json)?)
}

/// Serialises like the value inside, and displays it as tables.
#[derive(Serialize)]
#[serde(transparent)]
struct InfoText(DataInfo);

impl fmt::Display for InfoText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(info) = self;
        writeln!(f, "{}, split {}: images of {}", info.name, info.split, info.shape)?;
        writeln!(f, "\n{}", class_table(&info.parts))?;
        writeln!(f, "{}", pixel_table(info))?;
        let mut table = Table::new(2, ["duplicates of", "within", "images", "another label"]);
        for count in &info.duplicates {
            let [first, second] = [count.first, count.second].map(|part| part.to_string());
            let numbers = [count.images, count.other_label].map(|n| grouped(n as u64));
            table.row([first, second].into_iter().chain(numbers));
        }
        write!(f, "{table}")?;
        for duplicate in &info.duplicate_examples {
            let [first, second] =
                [duplicate.first, duplicate.second].map(|(part, i)| format!("{part} image {i}"));
            writeln!(f, "{second} is {first}")?;
        }
        Ok(())
    }
}

/// Number and share of the images of each class, one column per part.
fn class_table(parts: &[PartInfo]) -> Table {
    let headings = parts.iter().map(|part| part.part.to_string());
    let mut table = Table::new(1, std::iter::once("class".to_owned()).chain(headings));
    let classes = parts.iter().map(|part| part.classes.len()).max().unwrap_or(0);
    let named = parts.iter().find(|part| part.classes.len() == classes);
    for (i, class) in named.iter().flat_map(|part| &part.classes).enumerate() {
        let cell = |part: &PartInfo| match part.classes.get(i) {
            Some(count) => {
                format!("{} ({:.1} %)", grouped(count.images as u64), 100.0 * count.share)
            }
            None => "-".to_owned(),
        };
        table.row(std::iter::once(class.name.clone()).chain(parts.iter().map(cell)));
    }
    let totals = parts.iter().map(|part| grouped(part.images as u64));
    table.row(std::iter::once("all".to_owned()).chain(totals));
    let balance = parts.iter().map(|part| {
        let text = match (part.labelled, part.balanced) {
            (false, _) => "no labels",
            (true, true) => "yes",
            (true, false) => "no",
        };
        text.to_owned()
    });
    table.row(std::iter::once("balanced".to_owned()).chain(balance));
    table
}

/// Mean and deviation of pixel / 255, one row per part.
fn pixel_table(info: &DataInfo) -> Table {
    let mut table = Table::new(1, ["pixels / 255", "mean", "deviation"]);
    let parts = info.parts.iter().filter(|part| part.images > 0);
    let rows = parts.map(|part| (part.part.to_string(), part.pixels));
    let both = format!("{} and {}", PartName::Train, PartName::Validation);
    for (name, pixels) in rows.chain(std::iter::once((both, info.train_and_validation))) {
        table.row([name, format!("{:.7}", pixels.mean), format!("{:.7}", pixels.deviation)]);
    }
    table
}

/// Draws the first images of each class of one part.
fn samples(args: SamplesArgs) -> Result<(), Failure> {
    let format = drawing::format(&args.out)?;
    let (config, _) = settings::build(&BaseArgs::default(), &[&args.data.0])?;
    let data = config.load_data()?;
    let name = PartName::from(args.part);
    let Part { images, labels, .. } = data.part(name);
    let Some(labels) = labels else {
        let error = anyhow::anyhow!("{}: the {name} part has no labels", data.name);
        return Err(Failure::Failed(error));
    };
    if images.is_empty() {
        let error = anyhow::anyhow!("{}: the {name} part has no images", data.name);
        return Err(Failure::Failed(error));
    }
    let shape = [images.shape.height, images.shape.width, images.shape.channels];
    let of_class = |class: usize| {
        let mine = || (0..labels.len()).filter(move |&i| usize::from(labels[i]) == class);
        let picture = |i: usize| Picture::new(images.get(i).to_vec(), shape);
        let pictures = mine().take(args.count.into()).map(picture).collect::<Result<_, _>>()?;
        Ok((data.classes[class].clone(), mine().count(), pictures))
    };
    let classes = (0..data.classes.len()).map(of_class).collect::<anyhow::Result<Vec<_>>>()?;
    let subtitle =
        format!("split {}, {name} part, {} images", data.split, grouped(labels.len() as u64));
    let figure = modiste_report::figures::samples(&data.name, &subtitle, &classes);
    drawing::write(&figure, &args.out, format)
}

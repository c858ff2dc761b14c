//! The page of `data check`: the findings with their pictures.

use std::collections::BTreeMap;

use modiste_data::Dataset;
use modiste_draw::Picture;
use modiste_report::{Block, Gallery, GalleryItem, Page, Table};
use modiste_views::grouped;

use super::findings::{Finding, Issue, PictureRef};

/// Largest number of pictures per issue on the page; the table has all.
const SHOWN: usize = 60;
/// Largest number of rows in the table of confused classes.
const PAIRS: usize = 12;

/// The page of `findings`, which are sorted.
pub fn page(data: &Dataset, findings: &[Finding], labels: bool) -> anyhow::Result<Page> {
    let parts = [&data.train, &data.validation, &data.test].map(|part| grouped(part.len() as u64));
    let [train, validation, test] = parts;
    let subtitle = format!(
        "split {}: {train} training, {validation} validation, {test} test pictures of {}",
        data.split,
        data.shape()
    );
    let mut page = Page::new(format!("Check of {}", data.name), subtitle);
    page.section("What was found", vec![Block::Table(counts(findings, labels))]);
    for issue in Issue::ALL {
        let of: Vec<&Finding> = findings.iter().filter(|finding| finding.issue == issue).collect();
        if of.is_empty() {
            continue;
        }
        let mut blocks = vec![Block::Note(format!("{}.", sentence(issue.about())))];
        if issue == Issue::LabelError {
            blocks.push(Block::Table(confusions(&of)));
        }
        if of.len() > SHOWN {
            let (shown, all) = (SHOWN, grouped(of.len() as u64));
            blocks.push(Block::Note(format!("The worst {shown} of {all}; --csv FILE lists all.")));
        }
        let items = of.iter().take(SHOWN).map(|finding| item(data, finding));
        let items = items.collect::<Result<_, _>>()?;
        let (name, title) = (issue.to_string(), sentence(issue.about()));
        blocks.push(Block::Gallery(Gallery { name, title, items }));
        page.section(heading(issue), blocks);
    }
    Ok(page)
}

fn heading(issue: Issue) -> &'static str {
    match issue {
        Issue::LabelError => "Probable label errors",
        Issue::Conflict => "Conflicting labels",
        Issue::Leak => "Leaks between parts",
        Issue::Duplicate => "Exact copies",
        Issue::NearDuplicate => "Near copies",
        Issue::Odd => "Odd pictures",
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The number of pictures with each issue.
fn counts(findings: &[Finding], labels: bool) -> Table {
    let mut table = Table::new(["issue", "what it is", "pictures"]).text_columns(2);
    for issue in Issue::ALL {
        let count = findings.iter().filter(|finding| finding.issue == issue).count();
        let count = match issue == Issue::LabelError && !labels {
            true => "not looked for".to_owned(),
            false => grouped(count as u64),
        };
        table.row([heading(issue).to_owned(), issue.about().to_owned(), count]);
    }
    table
}

/// The labels that most often belong to another class.
fn confusions(findings: &[&Finding]) -> Table {
    let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for Finding { picture, suggested, .. } in findings {
        if let Some((label, class)) = picture.class.as_deref().zip(suggested.as_deref()) {
            *pairs.entry((label, class)).or_default() += 1;
        }
    }
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let mut table = Table::new(["label", "probably", "pictures"]).text_columns(2);
    for ((label, class), count) in pairs.into_iter().take(PAIRS) {
        table.row([label.to_owned(), class.to_owned(), grouped(count as u64)]);
    }
    table
}

/// A picture, next to its original if it is a copy.
fn item(data: &Dataset, finding: &Finding) -> anyhow::Result<GalleryItem> {
    let Finding { picture, detail, suggested, other, .. } = finding;
    let class = |place: &PictureRef| place.class.clone().unwrap_or_else(|| "no label".to_owned());
    let first = match (suggested, other) {
        (Some(suggested), _) => format!("{}: {suggested}?", class(picture)),
        (None, Some(other)) if class(other) != class(picture) => {
            format!("{} and {}", class(picture), class(other))
        }
        _ => class(picture),
    };
    let mut lines = vec![first, picture.name()];
    lines.extend(other.as_ref().map(|other| format!("copy of {}", other.name())));
    lines.push(detail.clone());
    let mut pictures = vec![pixels(data, picture)?];
    if let Some(other) = other {
        pictures.push(pixels(data, other)?);
    }
    Ok(GalleryItem { title: format!("{}, {}", picture.name(), lines[0]), pictures, lines })
}

fn pixels(data: &Dataset, place: &PictureRef) -> anyhow::Result<Picture> {
    let images = &data.part(place.part).images;
    let shape = [images.shape.height, images.shape.width, images.shape.channels];
    Ok(Picture::new(images.get(place.index).to_vec(), shape)?)
}

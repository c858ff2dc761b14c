//! The page of a search: every trial, the best so far, the importance of fields, and the command that
//! trains the winner, in one file without scripts.

use std::fmt::Write;
use std::path::Path;

use crate::{Candidate, SearchFolder, importance, label};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 260.0;
const MARGIN: f64 = 46.0;
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:920px;margin:2em auto;padding:0 1em;\
    color:#1a1a1a}table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.15em .7em;\
    text-align:right;border-bottom:1px solid #ddd}svg{width:100%;height:auto}pre{background:#f4f4f4;\
    padding:.7em;overflow:auto}.wide{overflow-x:auto}";

/// The page as HTML.
pub fn page(folder: &SearchFolder, candidates: &[Candidate], out: &Path) -> String {
    let name = folder.search.objective.name();
    let title = format!("Search in {}", out.display());
    let mut body = format!("<h1>{}</h1>\n", escaped(&title));
    let known = candidates.iter().filter(|c| c.score.is_some()).count();
    let _ = writeln!(body, "<p>{} configurations, {known} with results.</p>", candidates.len());
    if let Some(best) = folder.best(candidates) {
        let score = best.score.map_or(f64::NAN, |score| score.mean);
        let _ = writeln!(
            body,
            "<h2>The winner: trial {}, {name} {score:.4}</h2>\n<pre>{}</pre>",
            best.number,
            escaped(&folder.command(best))
        );
    }
    let _ = writeln!(body, "<h2>Trials</h2>\n{}", course(folder, candidates));
    let _ = writeln!(body, "<h2>What mattered</h2>\n{}", bars(folder, candidates));
    let _ = writeln!(body, "<h2>Where good trials lie</h2>\n{}", parallel(folder, candidates));
    let _ =
        writeln!(body, "<h2>All trials</h2>\n<div class=wide>{}</div>", table(folder, candidates));
    format!(
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport \
         content=\"width=device-width\"><title>{}</title><style>{STYLE}</style></head>\n<body>\n{body}\
         </body></html>\n",
        escaped(&title)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The smallest and the largest of some numbers; they differ.
fn span(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    match low < high {
        true => (low, high),
        false => (low - 0.5, high + 0.5),
    }
}

/// The objective of each trial, and the best so far.
fn course(folder: &SearchFolder, candidates: &[Candidate]) -> String {
    let objective = folder.search.objective;
    let points: Vec<(usize, f64, bool)> =
        candidates.iter().filter_map(|c| Some((c.number, c.score?.mean, c.finished))).collect();
    if points.is_empty() {
        return "<p>No results yet.</p>".to_owned();
    }
    let (low, high) = span(points.iter().map(|point| point.1));
    let last = points.iter().map(|point| point.0).max().unwrap_or(0).max(1) as f64;
    let x = |number: usize| MARGIN + (WIDTH - 2.0 * MARGIN) * number as f64 / last;
    let y = |value: f64| HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * (value - low) / (high - low);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img>");
    for value in [low, (low + high) / 2.0, high] {
        let _ = write!(
            svg,
            "<line x1={MARGIN} x2={:.1} y1={y:.1} y2={y:.1} stroke=#ddd /><text x=2 y={:.1} \
             font-size=11>{value:.4}</text>",
            WIDTH - MARGIN,
            y(value) + 4.0,
            y = y(value),
        );
    }
    let mut best: Option<f64> = None;
    let mut path = String::new();
    for &(number, value, finished) in &points {
        let better = best.is_none_or(|best| objective.loss(value) < objective.loss(best));
        if let Some(old) = best {
            let _ = write!(path, "L{:.1} {:.1}", x(number), y(old));
        }
        if better {
            let _ = write!(
                path,
                "{}{:.1} {:.1}",
                if best.is_some() { "L" } else { "M" },
                x(number),
                y(value)
            );
            best = Some(value);
        }
        let fill = if finished { "#1f6fb2" } else { "#9bbfdc" };
        let _ = write!(
            svg,
            "<circle cx={:.1} cy={:.1} r=4 fill={fill}><title>trial {number}: {value:.4}</title></circle>",
            x(number),
            y(value)
        );
    }
    let _ = write!(svg, "<path d=\"{path}\" fill=none stroke=#c1440e stroke-width=2 />");
    let name = objective.name();
    svg + "</svg>"
        + &format!(
            "<p>{name} of each trial; light ones stopped early. The line shows the best so far.</p>"
        )
}

/// The importance of each field.
fn bars(folder: &SearchFolder, candidates: &[Candidate]) -> String {
    let importance = importance(folder, candidates);
    let dimensions = folder.search.space.dimensions();
    let mut order: Vec<usize> = (0..dimensions.len()).collect();
    order.sort_by(|&a, &b| importance[b].total_cmp(&importance[a]));
    let height = 26.0 * order.len() as f64 + 8.0;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=img>");
    for (row, &at) in order.iter().enumerate() {
        let y = 26.0 * row as f64 + 18.0;
        let _ = write!(
            svg,
            "<text x=190 y={y} text-anchor=end font-size=13>{}</text><rect x=200 y={:.1} width={:.1} \
             height=14 fill=#1f6fb2 /><text x={:.1} y={y} font-size=12>{:.0} %</text>",
            escaped(label(&dimensions[at].field)),
            y - 12.0,
            560.0 * importance[at] + 1.0,
            206.0 + 560.0 * importance[at],
            100.0 * importance[at],
        );
    }
    svg + "</svg><p>Share of the objective's variance that each field explains alone.</p>"
}

/// Parallel coordinates: one line per trial; darker lines are better.
fn parallel(folder: &SearchFolder, candidates: &[Candidate]) -> String {
    let dimensions = folder.search.space.dimensions();
    let objective = folder.search.objective;
    let mut known: Vec<(&Candidate, f64)> =
        candidates.iter().filter_map(|c| Some((c, objective.loss(c.first?)))).collect();
    // The best trials are drawn last, on top.
    known.sort_by(|a, b| b.1.total_cmp(&a.1));
    let axes = dimensions.len().max(2) - 1;
    let x = |at: usize| MARGIN + (WIDTH - 2.0 * MARGIN) * at as f64 / axes as f64;
    let y = |at: usize, c: f64| {
        let share = dimensions[at].choices().map_or(c, |n| (c + 0.5) / n as f64);
        HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * share
    };
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img>");
    for (rank, (candidate, _)) in known.iter().enumerate() {
        let mut path = String::new();
        for (at, coordinate) in candidate.coordinates.iter().enumerate() {
            if let Some(coordinate) = coordinate {
                let begins = if path.is_empty() { "M" } else { "L" };
                let _ = write!(path, "{begins}{:.1} {:.1}", x(at), y(at, *coordinate));
            }
        }
        let shade = 0.12
            + 0.75 * (rank + 1) as f64 / known.len() as f64
                * f64::from(u8::from(rank * 10 >= known.len() * 9));
        let _ = write!(
            svg,
            "<path d=\"{path}\" fill=none stroke=#1f6fb2 stroke-opacity={shade:.2} stroke-width=1.6>\
             <title>trial {}</title></path>",
            candidate.number
        );
    }
    for (at, dimension) in dimensions.iter().enumerate() {
        let ends = match dimension.choices() {
            Some(n) => (0..n).map(|c| (c as f64, dimension.value(c as f64))).collect(),
            None => vec![(0.0, dimension.value(0.0)), (1.0, dimension.value(1.0))],
        };
        let _ = write!(
            svg,
            "<line x1={x:.1} x2={x:.1} y1={MARGIN} y2={:.1} stroke=#888 /><text x={x:.1} y=16 \
             text-anchor=middle font-size=12>{}</text>",
            HEIGHT - MARGIN,
            escaped(label(&dimension.field)),
            x = x(at),
        );
        for (coordinate, value) in ends {
            let _ = write!(
                svg,
                "<text x={:.1} y={:.1} font-size=11>{}</text>",
                x(at) + 4.0,
                y(at, coordinate) + 4.0,
                escaped(&value)
            );
        }
    }
    svg + "</svg><p>One line per trial; the best tenth is dark.</p>"
}

/// The table of trials, one row each.
fn table(folder: &SearchFolder, candidates: &[Candidate]) -> String {
    let mut html = "<table><tr><th>trial".to_owned();
    for dimension in folder.search.space.dimensions() {
        let _ = write!(html, "<th>{}", escaped(label(&dimension.field)));
    }
    let _ = write!(html, "<th>epochs<th>{}<th>state", folder.search.objective.name());
    for candidate in candidates {
        let _ = write!(html, "<tr><td>{}", candidate.number);
        candidate.values.iter().for_each(|value| {
            let _ = write!(html, "<td>{}", escaped(value));
        });
        let score = candidate.score.map_or_else(String::new, |score| format!("{:.4}", score.mean));
        let _ = write!(html, "<td>{}<td>{score}<td>{}", candidate.epochs, candidate.state());
    }
    html + "</table>"
}

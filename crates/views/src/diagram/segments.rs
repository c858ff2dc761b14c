//! The blocks of a network, found by the names of its nodes.

use std::ops::Range;

use modiste_spec::Network;

use super::units::{Unit, UnitKind, units};

/// A block of consecutive units, or several equal blocks in a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    /// The common prefix of its nodes' names: `blocks.0`.
    pub name: String,
    /// The units of the (first) block.
    pub units: Range<usize>,
    /// Number of equal blocks in a row.
    pub repeats: usize,
    /// Name of the last of them.
    pub last: String,
}

/// The units of a network and its blocks, in order.
pub(super) fn segments(network: &Network) -> (Vec<Unit>, Vec<Segment>) {
    let units = units(network);
    let mut segments: Vec<Segment> = Vec::new();
    for (i, unit) in units.iter().enumerate() {
        let name = group(&unit.name);
        let apart = is_between_blocks(&units, i) || (i > 0 && is_between_blocks(&units, i - 1));
        match segments.last_mut() {
            Some(segment) if segment.name == name && !apart => segment.units.end = i + 1,
            _ => segments.push(Segment { last: name.clone(), name, units: i..i + 1, repeats: 1 }),
        }
    }
    (units.clone(), merge(&units, segments))
}

/// The first part of a dotted path and the numbers that follow it.
fn group(name: &str) -> String {
    let mut parts = name.split('.');
    let mut group = parts.next().unwrap_or_default().to_owned();
    for part in parts.take_while(|part| part.parse::<usize>().is_ok()) {
        group = format!("{group}.{part}");
    }
    group
}

/// Dropout between blocks belongs to none of them.
fn is_between_blocks(units: &[Unit], i: usize) -> bool {
    let name = |unit: &Unit| group(&unit.name);
    let edge = |other: Option<&Unit>| other.is_none_or(|other| name(other) != name(&units[i]));
    let before = i.checked_sub(1).and_then(|before| units.get(before));
    units[i].kind == UnitKind::Dropout && (edge(before) || edge(units.get(i + 1)))
}

/// Merges equal neighbours, which have the same units and connections.
fn merge(units: &[Unit], segments: Vec<Segment>) -> Vec<Segment> {
    let likeness = |segment: &Segment| -> Vec<(Vec<String>, Vec<usize>)> {
        let unit = |i: usize| {
            let distances = units[i].inputs.iter().map(|input| i - input).collect();
            (units[i].lines.clone(), distances)
        };
        segment.units.clone().map(unit).collect()
    };
    let mut merged: Vec<Segment> = Vec::new();
    let mut last = Vec::new();
    for segment in segments {
        let this = likeness(&segment);
        match merged.last_mut() {
            Some(before) if this == last && this.len() > 1 => {
                before.repeats += 1;
                before.last = segment.name;
            }
            _ => merged.push(segment),
        }
        last = this;
    }
    merged
}

impl Segment {
    /// The units outside the segment that it takes as inputs, in order.
    pub fn sources(&self, units: &[Unit]) -> Vec<usize> {
        let mut sources: Vec<usize> = Vec::new();
        for input in self.units.clone().flat_map(|i| &units[i].inputs) {
            if *input < self.units.start && !sources.contains(input) {
                sources.push(*input);
            }
        }
        sources
    }

    /// Whether it has parallel paths.
    pub fn has_branches(&self, units: &[Unit]) -> bool {
        self.units.clone().any(|i| units[i].inputs.len() > 1)
    }

    /// Its title: the paper's name if there is one.
    pub fn title(&self, units: &[Unit]) -> String {
        let has = |kind| self.units.clone().any(|i| units[i].kind == kind);
        let title = match self.name.split('.').next().unwrap_or_default() {
            _ if self.units.len() == 1 && !has(UnitKind::Conv) => {
                units[self.units.start].lines.join(", ")
            }
            "input" => "Input block".into(),
            "blocks" if has(UnitKind::Join) && has(UnitKind::Add) => {
                "Inception-ResNet block".into()
            }
            "blocks" if has(UnitKind::Join) => "Inception block".into(),
            "reduction" => "Reduction block".into(),
            "output" => "Output block".into(),
            _ => self.name.clone(),
        };
        let mut letters = title.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modiste_spec::{InceptionResNet, Shape};

    #[test]
    fn blocks_are_found_and_joined_where_they_are_alike() {
        let network = InceptionResNet::default().network(Shape::new(28, 28, 1), 10).unwrap();
        let (units, segments) = segments(&network);
        let found: Vec<(String, usize)> =
            segments.iter().map(|s| (s.title(&units), s.repeats)).collect();
        let expected = [
            ("Image", 1),
            ("Input block", 1),
            ("Dropout 0.3", 1),
            ("Inception-ResNet block", 4),
            ("Dropout 0.3", 1),
            ("Reduction block", 1),
            ("Dropout 0.3", 1),
            ("Output block", 1),
            ("Dropout 0.3", 1),
            ("Dense, 10", 1),
            ("Softmax", 1),
        ];
        assert_eq!(found, expected.map(|(title, repeats)| (title.to_owned(), repeats)));
        assert_eq!((&segments[3].name[..], &segments[3].last[..]), ("blocks.0", "blocks.3"));
        let covered: usize = segments.iter().map(|s| s.units.len() * s.repeats).sum();
        assert_eq!(covered, units.len());
        let parameters: usize = units.iter().map(|unit| unit.parameters).sum();
        assert_eq!(parameters, network.trainable());
    }

    #[test]
    fn names_are_grouped_by_their_beginning() {
        let names = ["image", "input.conv", "blocks.0.branches.2.1.conv", "stages.1.0.conv"];
        assert_eq!(names.map(group), ["image", "input", "blocks.0", "stages.1.0"]);
    }
}

//! The table of a network: one row per node, with shape, parameters and cost.

use std::fmt;

use modiste_spec::Network;
use serde::Serialize;

use crate::{Table, grouped};

/// Headings of the table's columns.
const HEADINGS: [&str; 5] = ["node", "op", "shape", "parameters", "multiply-adds"];

/// A network as a table; `Display` writes text, `Serialize` writes its fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Number of trainable values.
    pub parameters: usize,
    /// Multiplications with addition of one image, forward.
    pub multiply_adds: u64,
    /// The nodes in topological order.
    pub nodes: Vec<SummaryRow>,
}

/// One node of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SummaryRow {
    /// The node's name, a dotted path.
    pub name: String,
    /// The operation's name.
    pub op: &'static str,
    /// Height, width and channels of the output for one image.
    pub shape: [usize; 3],
    /// Number of trainable values of this node.
    pub parameters: usize,
    /// Multiplications with addition of one image, forward.
    pub multiply_adds: u64,
}

impl Summary {
    /// The table of `network`.
    pub fn new(network: &Network) -> Self {
        let row = |id: usize| {
            let node = &network.nodes()[id];
            let parameters = network.node_parameters(id);
            let trainable = parameters.iter().filter(|p| p.kind.trainable());
            SummaryRow {
                name: node.name.clone(),
                op: node.op.name(),
                shape: [node.shape.height, node.shape.width, node.shape.channels],
                parameters: trainable.map(|p| p.len()).sum(),
                multiply_adds: network.node_multiply_adds(id),
            }
        };
        Self {
            parameters: network.trainable(),
            multiply_adds: network.multiply_adds(),
            nodes: (0..network.nodes().len()).map(row).collect(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(3, HEADINGS);
        for row in &self.nodes {
            let [height, width, channels] = row.shape;
            table.row([
                row.name.clone(),
                row.op.to_owned(),
                format!("{height}x{width}x{channels}"),
                grouped(row.parameters as u64),
                grouped(row.multiply_adds),
            ]);
        }
        let (parameters, cost) = (grouped(self.parameters as u64), grouped(self.multiply_adds));
        table.row(["total", "", "", &parameters, &cost]);
        table.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modiste_spec::{InceptionResNet, Shape};

    fn paper() -> Summary {
        let network = InceptionResNet::default().network(Shape::new(28, 28, 1), 10).unwrap();
        Summary::new(&network)
    }

    #[test]
    fn rows_add_up_to_the_published_count() {
        let summary = paper();
        assert_eq!(summary.parameters, 1_104_218);
        assert_eq!(summary.nodes.iter().map(|n| n.parameters).sum::<usize>(), 1_104_218);
        let costs = summary.nodes.iter().map(|n| n.multiply_adds).sum::<u64>();
        assert_eq!(costs, summary.multiply_adds);
    }

    #[test]
    fn the_stem_has_the_values_computed_by_hand() {
        let text = paper().to_string();
        // 3 x 3 x 1 x 64 weights; as many multiply-adds at each of 28 x 28 places.
        let stem = text.lines().find(|line| line.starts_with("input.conv")).unwrap();
        let cells: Vec<&str> = stem.split_whitespace().collect();
        assert_eq!(cells, ["input.conv", "conv", "28x28x64", "576", "451,584"]);
        assert!(text.lines().last().unwrap().starts_with("total"), "{text}");
        let widths: Vec<usize> = text.lines().map(str::len).collect();
        assert!(widths.iter().all(|&w| w == widths[0]), "{widths:?}");
    }

    #[test]
    fn json_has_the_promised_fields() {
        let json = serde_json::to_value(paper()).unwrap();
        let dense =
            json["nodes"].as_array().unwrap().iter().find(|n| n["name"] == "dense").unwrap();
        let expected = serde_json::json!({"name": "dense", "op": "dense", "shape": [1, 1, 10],
            "parameters": 1930, "multiply_adds": 1920});
        assert_eq!(*dense, expected);
    }
}

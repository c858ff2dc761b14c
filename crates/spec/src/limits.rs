//! Limits on the size of a network.
//!
//! [`crate::NetworkBuilder`] checks every node that it adds, so every [`crate::Network`] can be planned,
//! walked and run: consumers need no checks of their own, and no file can ask for more. All sizes that
//! follow from these limits fit into 64 bits.

use crate::{ChannelLayout, LANES, Node, Op, Shape};

/// Largest number of nodes, some more than the largest configuration of the paper's network needs.
pub const MAX_NODES: usize = 8192;
/// Longest name of a node, in bytes.
pub const MAX_NAME: usize = 256;
/// Largest number of inputs of one node.
pub const MAX_INPUTS: usize = 1024;
/// Largest number of inputs of all nodes together: each may become a copy.
pub const MAX_EDGES: usize = 1 << 16;
/// Largest number of rows, of columns, and largest step of a window.
pub const MAX_SIDE: usize = 1 << 16;
/// Largest number of channels of a map.
pub const MAX_CHANNELS: usize = 1 << 20;
/// Largest side of the window of a convolution or maximum.
pub const MAX_KERNEL: usize = 255;
/// Largest number of values of one map: 360 x 360 pixels of 64 channels.
pub const MAX_MAP: u64 = 1 << 23;
/// Largest number of values of all maps of one image, with channels padded as in
/// [`ChannelLayout`]: half a gigabyte in single precision.
pub const MAX_VALUES: u64 = 1 << 27;
/// Largest number of parameters: a gigabyte in single precision.
pub const MAX_PARAMETERS: u64 = 1 << 28;
/// Largest forward work for one image, in multiply-adds plus values read by windows: seconds of
/// computation.
pub const MAX_WORK: u64 = 1 << 36;

/// Sums over the nodes of a network.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    /// Channels of each node, with padding.
    lanes: Vec<u64>,
    edges: usize,
    values: u64,
    parameters: u64,
    work: u64,
}

impl Totals {
    /// Adds a node.
    pub fn add(&mut self, node: &Node, inputs: &[Shape], parameters: u64) -> Result<(), String> {
        let lanes = self.lanes_of(node, inputs);
        self.lanes.push(lanes);
        self.edges += node.inputs.len();
        self.values += node.shape.pixels() as u64 * lanes;
        self.parameters += parameters.max(self.filter_lanes(node));
        self.work +=
            node.op.multiply_adds(inputs, node.shape) + looked_at(&node.op, inputs, node.shape);
        let over = |what: &str, found: u64, most: u64| match found <= most {
            true => Ok(()),
            false => Err(format!(
                "the network has {found} {what} with it, more than the limit of {most}"
            )),
        };
        over("inputs of nodes", self.edges as u64, MAX_EDGES as u64)?;
        over("values of an image", self.values, MAX_VALUES)?;
        over("parameters as they lie in memory", self.parameters, MAX_PARAMETERS)?;
        over("multiply-adds", self.work, MAX_WORK)
    }

    /// Size of a filter in memory, in values; 0 for nodes without one.
    fn filter_lanes(&self, node: &Node) -> u64 {
        let size = |(kernel, _): (usize, usize)| {
            (kernel * kernel) as u64 * self.lanes[node.inputs[0]] * padded(node.shape.channels)
        };
        node.op.convolution().map_or(0, size)
    }

    /// Channels in memory, with padding.
    fn lanes_of(&self, node: &Node, inputs: &[Shape]) -> u64 {
        match node.channel_layout() {
            ChannelLayout::Padded => padded(node.shape.channels),
            ChannelLayout::Input => self.lanes[node.inputs[0]],
            ChannelLayout::Concatenated => node.inputs.iter().map(|&i| self.lanes[i]).sum(),
            ChannelLayout::Flattened => inputs[0].pixels() as u64 * self.lanes[node.inputs[0]],
        }
    }
}

fn padded(channels: usize) -> u64 {
    channels.next_multiple_of(LANES) as u64
}

/// Number of values that the windows of a pool read.
fn looked_at(op: &Op, inputs: &[Shape], output: Shape) -> u64 {
    match *op {
        Op::MaxPool { kernel, .. } => {
            let Shape { height, width, .. } = inputs[0];
            (output.len() * kernel.min(height) * kernel.min(width)) as u64
        }
        Op::AvgPool { .. } | Op::GlobalAvgPool | Op::GlobalMaxPool => inputs[0].len() as u64,
        Op::Input { .. }
        | Op::Conv { .. }
        | Op::BatchNorm { .. }
        | Op::Relu
        | Op::Dropout { .. }
        | Op::Flatten
        | Op::Concat
        | Op::ScaledAdd { .. }
        | Op::Dense { .. }
        | Op::Softmax => 0,
    }
}

/// Checks that a node of this name can be drawn, listed and written.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(format!("a name of {} bytes; 1 to {MAX_NAME} are allowed", name.len()));
    }
    match name.chars().find(|c| c.is_control()) {
        Some(c) => Err(format!("a name with the control character {c:?}")),
        None => Ok(()),
    }
}

/// Checks that a map of this shape can be part of a network.
pub(crate) fn check_shape(shape: Shape) -> Result<(), String> {
    let Shape { height, width, channels } = shape;
    let fits = (1..=MAX_SIDE).contains(&height)
        && (1..=MAX_SIDE).contains(&width)
        && (1..=MAX_CHANNELS).contains(&channels)
        && (height * width) as u64 * channels as u64 <= MAX_MAP;
    match fits {
        true => Ok(()),
        false => Err(format!("a map of {shape}, which is empty or too large to run")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Network, NetworkBuilder, NodeId, SpecError};

    fn image(shape: Shape) -> Result<NetworkBuilder, SpecError> {
        let mut b = NetworkBuilder::default();
        b.add("image", Op::Input { shape }, &[])?;
        Ok(b)
    }

    fn refusal(shape: Shape, ops: &[(Op, &[NodeId])]) -> String {
        let build = || {
            let mut b = image(shape)?;
            for (i, (op, inputs)) in ops.iter().enumerate() {
                b.add(format!("n{i}"), op.clone(), inputs)?;
            }
            Ok::<_, SpecError>(())
        };
        build().expect_err("too large").to_string()
    }

    const SMALL: Shape = Shape::new(28, 28, 1);

    #[test]
    fn sizes_over_the_limits_are_named() {
        let huge = [1usize << 17, 1 << 63, usize::MAX];
        for side in huge {
            let found = image(Shape::new(side, 1, 1)).map(|_| ()).unwrap_err().to_string();
            assert!(found.contains("too large to run"), "{found}");
        }
        let kernel = |kernel| Op::MaxPool { kernel, stride: 1 };
        for side in [257, 1_000_001, (1 << 63) + 1, usize::MAX] {
            let found = refusal(SMALL, &[(kernel(side), &[0])]);
            assert!(found.starts_with("node \"n0\": setting out of range in MaxPool"), "{found}");
            let conv = Op::Conv { kernel: side, stride: 1, channels: 1, bias: false };
            let found = refusal(SMALL, &[(conv, &[0])]);
            assert!(found.starts_with("node \"n0\": setting out of range in Conv"), "{found}");
        }
        let conv = |kernel, channels| Op::Conv { kernel, stride: 1, channels, bias: false };
        let found = refusal(SMALL, &[(conv(1, 1 << 20), &[0])]);
        assert!(found.contains("a map of 28x28x1048576, which is empty or too large"), "{found}");
        let found = refusal(Shape::new(256, 256, 1), &[(conv(255, 32), &[0])]);
        assert!(found.contains("multiply-adds with it"), "{found}");
        let dense = |units| Op::Dense { units };
        let one = Shape::new(1, 1, 1);
        let found = refusal(one, &[(dense(1 << 20), &[0]), (dense(1 << 20), &[1])]);
        assert!(found.contains("in memory with it"), "{found}");
    }

    #[test]
    fn channels_that_double_from_node_to_node_end() {
        let doubled: Vec<[NodeId; 2]> = (0..64).map(|i| [i, i]).collect();
        let ops: Vec<(Op, &[NodeId])> = doubled.iter().map(|i| (Op::Concat, &i[..])).collect();
        let found = refusal(SMALL, &ops);
        assert!(found.contains("values of an image") || found.contains("larger"), "{found}");
    }

    #[test]
    fn narrow_parts_of_a_concatenation_count_as_they_lie_in_memory() {
        // 1,024 parts of one channel fill 16,384 lanes: 2^14 x 4,096 pixels, twice.
        let parts = [0; MAX_INPUTS];
        let join: (Op, &[NodeId]) = (Op::Concat, &parts);
        let relu: (Op, &[NodeId]) = (Op::Relu, &[1]);
        let found = refusal(Shape::new(64, 64, 1), &[join.clone(), relu]);
        assert!(
            found.starts_with("node \"n1\": ") && found.contains("values of an image"),
            "{found}"
        );
        let ops = vec![join; MAX_EDGES / MAX_INPUTS + 1];
        let found = refusal(Shape::new(2, 2, 1), &ops);
        assert!(found.contains("node \"n64\": the network has 66560 inputs of nodes"), "{found}");
    }

    #[test]
    fn names_and_lists_end() {
        let mut b = image(SMALL).unwrap();
        for (name, problem) in [
            ("x".repeat(1_000_000), "has a name of 1000000 bytes"),
            (String::new(), "has a name of 0 bytes"),
            ("a\u{1b}[2J".into(), "has a name with the control character '\\u{1b}'"),
        ] {
            let found = b.add(name, Op::Relu, &[0]).unwrap_err().to_string();
            assert!(found.starts_with(&format!("network: node 1 {problem}")), "{found}");
        }
        let found = b.add("join", Op::Concat, &[0; MAX_INPUTS + 1]).unwrap_err().to_string();
        assert_eq!(found, "node \"join\": 1025 inputs; 1024 are allowed");
        for i in 1..MAX_NODES {
            b.add(format!("n{i}"), Op::Relu, &[i - 1]).unwrap();
        }
        let found = b.add("one more", Op::Relu, &[0]).unwrap_err().to_string();
        assert_eq!(found, "network: it has more than 8192 nodes");
    }

    #[test]
    fn a_list_without_end_is_not_read_to_its_end() {
        let node = |i: usize| format!("{{\"name\":\"n{i}\",\"op\":\"relu\",\"inputs\":[0]}},");
        let image =
            r#"[{"name":"i","op":{"input":{"shape":{"height":1,"width":1,"channels":1}}}},"#;
        let nodes: String = (0..MAX_NODES).map(node).collect();
        let text = format!("{image}{nodes}this is never read");
        let found = serde_json::from_str::<Network>(&text).unwrap_err().to_string();
        assert!(found.starts_with("network: it has more than 8192 nodes"), "{found}");
    }
}

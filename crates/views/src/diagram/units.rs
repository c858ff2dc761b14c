//! Nodes that are drawn as one unit: a convolution with its normalisation and activation.

use modiste_spec::{Network, Node, NodeId, Op, Shape};

/// Kind of a unit; determines its style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnitKind {
    /// A map from outside the block.
    Map,
    Conv,
    Pool,
    Dropout,
    Join,
    Add,
    Activation,
    Dense,
}

/// One or several nodes in a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unit {
    /// Name of the first node.
    pub name: String,
    pub kind: UnitKind,
    /// Its operation and the operations joined to it, in words.
    pub lines: Vec<String>,
    /// Positions of the units that are its inputs.
    pub inputs: Vec<usize>,
    /// Shape of its output.
    pub shape: Shape,
    /// Trainable values.
    pub parameters: usize,
    /// For a sum, the factor of its second input.
    pub scale: Option<f64>,
}

/// The units of `network`, in topological order.
pub(super) fn units(network: &Network) -> Vec<Unit> {
    let nodes = network.nodes();
    let mut units: Vec<Unit> = Vec::new();
    let mut readers = vec![0; nodes.len()];
    nodes.iter().flat_map(|node| &node.inputs).for_each(|&input| readers[input] += 1);
    // The unit that a node is part of.
    let mut unit_of: Vec<usize> = Vec::with_capacity(nodes.len());
    for (id, node) in nodes.iter().enumerate() {
        let parameters: usize = network
            .node_parameters(id)
            .iter()
            .filter(|p| p.kind.trainable())
            .map(|p| p.len())
            .sum();
        if let Some(unit) = joins(nodes, &readers, &unit_of, &units, id) {
            let (word, unit_mut) = (words(node), &mut units[unit]);
            match unit_mut.lines.get_mut(1) {
                Some(line) => *line = format!("{line}, {word}"),
                None => unit_mut.lines.push(word),
            }
            unit_mut.parameters += parameters;
            unit_of.push(unit);
            continue;
        }
        unit_of.push(units.len());
        units.push(Unit {
            name: node.name.clone(),
            kind: kind(&node.op),
            lines: vec![words(node)],
            inputs: node.inputs.iter().map(|&input| unit_of[input]).collect(),
            shape: node.shape,
            parameters,
            scale: match node.op {
                Op::ScaledAdd { scale } => Some(scale),
                _ => None,
            },
        });
    }
    units
}

/// The unit that node `id` continues: normalisation and activation belong to the convolution or
/// dense layer before them, if nothing else uses its output.
fn joins(
    nodes: &[Node],
    readers: &[usize],
    unit_of: &[usize],
    units: &[Unit],
    id: NodeId,
) -> Option<usize> {
    let node = &nodes[id];
    if !matches!(node.op, Op::BatchNorm { .. } | Op::Relu) {
        return None;
    }
    let &[before] = &node.inputs[..] else { return None };
    let unit = unit_of[before];
    let alone = readers[before] == 1;
    let fits = matches!(units[unit].kind, UnitKind::Conv | UnitKind::Dense);
    (alone && fits).then_some(unit)
}

fn kind(op: &Op) -> UnitKind {
    match op {
        Op::Input { .. } => UnitKind::Map,
        Op::Conv { .. } => UnitKind::Conv,
        Op::MaxPool { .. } | Op::AvgPool { .. } | Op::GlobalAvgPool | Op::GlobalMaxPool => {
            UnitKind::Pool
        }
        Op::Dropout { .. } => UnitKind::Dropout,
        Op::Flatten => UnitKind::Map,
        Op::Concat => UnitKind::Join,
        Op::ScaledAdd { .. } => UnitKind::Add,
        Op::BatchNorm { .. } | Op::Relu | Op::Softmax => UnitKind::Activation,
        Op::Dense { .. } => UnitKind::Dense,
    }
}

/// The operation of a node, in words.
fn words(node: &Node) -> String {
    let stride = |stride: usize| match stride {
        1 => String::new(),
        step => format!(", stride {step}"),
    };
    match node.op {
        Op::Input { .. } => "image".into(),
        Op::Conv { kernel, stride: step, channels, .. } => {
            format!("{kernel}×{kernel} conv, {channels}{}", stride(step))
        }
        Op::BatchNorm { .. } => "batch norm".into(),
        Op::Relu => "ReLU".into(),
        Op::Dropout { rate } => format!("dropout {rate}"),
        Op::MaxPool { kernel, stride: step } => {
            format!("{kernel}×{kernel} max-pool{}", stride(step))
        }
        Op::AvgPool { kernel } => format!("{kernel}×{kernel} average-pool"),
        Op::GlobalAvgPool => "global average".into(),
        Op::GlobalMaxPool => "global maximum".into(),
        Op::Flatten => "flatten".into(),
        Op::Concat => "concatenate".into(),
        Op::ScaledAdd { scale: 1.0 } => "sum".into(),
        Op::ScaledAdd { scale } => format!("sum, × {scale}"),
        Op::Dense { units } => format!("dense, {units}"),
        Op::Softmax => "softmax".into(),
    }
}

/// As in "28×28×64".
pub(super) fn shape(shape: Shape) -> String {
    format!("{}×{}×{}", shape.height, shape.width, shape.channels)
}

//! Grad-CAM: where a layer's maps support a class (Selvaraju et al. 2017).
//!
//! Each map of the layer is weighted by the mean gradient of the class's logit with respect to it;
//! the positive part of the weighted sum is kept. Outputs and gradients come from the reference
//! engine, in f64.

use modiste_reference::{Mode, ReferenceEngine};
use modiste_spec::engine::Tensor;
use modiste_spec::{Engine, Network, NodeId, Op, Shape};

use crate::{ExplainError, HeatMap};

/// A trained network whose answers can be explained.
pub struct Explainer {
    engine: ReferenceEngine,
}

impl Explainer {
    /// An explainer of `network` with `parameters`, in the order of [`Network::parameters`].
    ///
    /// # Errors
    /// If the parameters are not the network's.
    pub fn new(network: &Network, parameters: &[Tensor]) -> Result<Self, ExplainError> {
        Ok(Self { engine: ReferenceEngine::trained(network, parameters)? })
    }

    /// Approximate memory for explaining images of `network`, in bytes: outputs and gradients of
    /// every node, and the parameters with their gradients, in double precision.
    pub fn bytes(network: &Network) -> u64 {
        let outputs: u64 = network.nodes().iter().map(|node| node.shape.len() as u64).sum();
        let parameters: u64 = network.parameters().iter().map(|p| p.len() as u64).sum();
        (outputs + parameters) * 2 * size_of::<f64>() as u64
    }

    /// Shape of the images.
    pub fn image_shape(&self) -> Shape {
        self.engine.network().input_shape()
    }

    /// The name of the layer that [`Self::grad_cam`] uses.
    ///
    /// # Errors
    /// If there is no such layer with a map.
    pub fn layer(&self, name: Option<&str>) -> Result<&str, ExplainError> {
        Ok(&self.engine.network().nodes()[self.find(name)?].name)
    }

    /// The heat map of one image (h, w, c) for the class at position `class`, at the node `layer` or
    /// [`default_layer`]. The map has the layer's size.
    ///
    /// # Errors
    /// If the pixels are not one image, or there is no such class, or no such layer with a map.
    pub fn grad_cam(
        &self,
        pixels: &[u8],
        class: usize,
        layer: Option<&str>,
    ) -> Result<HeatMap, ExplainError> {
        self.check_image(pixels)?;
        let network = self.engine.network();
        let classes = network.classes();
        if class >= classes {
            return Err(ExplainError::Class { class, classes });
        }
        let layer = self.find(layer)?;
        let outputs = self.engine.activations(pixels, Mode::Predict)?;
        let gradient = self.engine.logit_gradient(&outputs, Mode::Predict, class, layer);
        let shape = network.nodes()[layer].shape;
        let weights = channel_means(&gradient.values, shape.channels);
        let pixel = |a: &[f64]| a.iter().zip(&weights).map(|(a, w)| a * w).sum::<f64>();
        let sums = outputs[layer].values.chunks_exact(shape.channels).map(pixel);
        let positive = sums.map(|sum| sum.max(0.0) as f32).collect();
        Ok(HeatMap::new(shape.height, shape.width, positive))
    }

    fn find(&self, layer: Option<&str>) -> Result<NodeId, ExplainError> {
        match layer {
            Some(name) => find_layer(self.engine.network(), name),
            None => default_layer(self.engine.network()).ok_or(ExplainError::NoLayer),
        }
    }

    fn check_image(&self, pixels: &[u8]) -> Result<(), ExplainError> {
        let shape = self.image_shape();
        if pixels.len() == shape.len() {
            return Ok(());
        }
        Err(ExplainError::Image { bytes: pixels.len(), shape })
    }
}

fn channel_means(map: &[f64], channels: usize) -> Vec<f64> {
    let mut means = vec![0.0; channels];
    for pixel in map.chunks_exact(channels) {
        means.iter_mut().zip(pixel).for_each(|(mean, value)| *mean += value);
    }
    let pixels = (map.len() / channels) as f64;
    means.iter_mut().for_each(|mean| *mean /= pixels);
    means
}

/// The node called `name`, if it has a map.
fn find_layer(network: &Network, name: &str) -> Result<NodeId, ExplainError> {
    let nodes = network.nodes();
    let Some(id) = nodes.iter().position(|node| node.name == name) else {
        return Err(ExplainError::UnknownLayer(name.to_owned()));
    };
    match nodes[id].shape.pixels() {
        1 => Err(ExplainError::LayerWithoutMap(name.to_owned())),
        _ => Ok(id),
    }
}

/// The default layer: the last one that all paths pass through and whose map has at least half the
/// image's rows and columns, so that the heat map shows parts of objects; otherwise the last one
/// with a map. `None` if every layer is a single pixel.
pub fn default_layer(network: &Network) -> Option<NodeId> {
    let nodes = network.nodes();
    let image = network.input_shape();
    // For each node, the first node read by those after it: all paths pass through the node if that
    // does not come before it.
    let mut first_read = vec![nodes.len(); nodes.len()];
    for id in (1..nodes.len()).rev() {
        let own = nodes[id].inputs.iter().copied().min().unwrap_or(id);
        first_read[id - 1] = first_read[id].min(own);
    }
    let proper = |id: &NodeId| !matches!(nodes[*id].op, Op::Input { .. } | Op::Dropout { .. });
    let through = |id: &NodeId| first_read[*id] >= *id;
    let layers = || (0..network.logits()).filter(proper).filter(through);
    let fine = |id: &NodeId| {
        let shape = nodes[*id].shape;
        2 * shape.height >= image.height && 2 * shape.width >= image.width && shape.pixels() > 1
    };
    layers().rfind(fine).or_else(|| layers().rfind(|&id| nodes[id].shape.pixels() > 1))
}

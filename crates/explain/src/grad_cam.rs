//! Grad-CAM: where a layer's maps speak for a class (Selvaraju et al. 2017).
//!
//! Each map of the layer is weighted by the mean gradient of the class's logit by it; of the weighted
//! sum the positive part is kept. Outputs and gradients are the reference engine's, in f64.

use modiste_reference::{Mode, ReferenceEngine};
use modiste_spec::engine::Tensor;
use modiste_spec::{Network, NodeId, Op};

use crate::{ExplainError, HeatMap};

/// A trained network that is asked why.
pub struct Explainer<'a> {
    network: &'a Network,
    engine: ReferenceEngine,
}

impl<'a> Explainer<'a> {
    /// An explainer of `network` with `parameters`, in the order of [`Network::parameters`].
    ///
    /// # Errors
    /// If the parameters are not the network's.
    pub fn new(network: &'a Network, parameters: &[Tensor]) -> Result<Self, ExplainError> {
        Ok(Self { network, engine: ReferenceEngine::trained(network, parameters)? })
    }

    /// The name of the layer that [`Self::grad_cam`] looks at.
    ///
    /// # Errors
    /// If there is no such layer with a map.
    pub fn layer(&self, name: Option<&str>) -> Result<&'a str, ExplainError> {
        Ok(&self.network.nodes()[self.find(name)?].name)
    }

    /// The heat map of one image (h, w, c) for the class at position `class`, as the node called
    /// `layer` sees it, or [`default_layer`]. The map is of the layer's size.
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
        let network = self.network;
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
            Some(name) => find_layer(self.network, name),
            None => default_layer(self.network).ok_or(ExplainError::NoLayer),
        }
    }

    fn check_image(&self, pixels: &[u8]) -> Result<(), ExplainError> {
        let shape = self.network.input_shape();
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

/// The layer that is looked at unless another is named: the last one that everything flows through
/// and whose map has at least half the image's rows and columns, so that the heat map shows parts of
/// things; else the last one that has a map. None where every layer is a single pixel.
pub fn default_layer(network: &Network) -> Option<NodeId> {
    let nodes = network.nodes();
    let image = network.input_shape();
    let through =
        |id: NodeId| nodes[id + 1..].iter().all(|node| node.inputs.iter().all(|&i| i >= id));
    let proper = |id: &NodeId| !matches!(nodes[*id].op, Op::Input { .. } | Op::Dropout { .. });
    let layers = || (0..network.logits()).filter(proper).filter(|&id| through(id));
    let fine = |id: &NodeId| {
        let shape = nodes[*id].shape;
        2 * shape.height >= image.height && 2 * shape.width >= image.width && shape.pixels() > 1
    };
    layers().rfind(fine).or_else(|| layers().rfind(|&id| nodes[id].shape.pixels() > 1))
}

//! Compares heat maps with finite differences of the reference engine's logits.

use modiste_explain::{ExplainError, Explainer, Occlusion, default_layer, occlusion};
use modiste_reference::check::{batch, networks, perturbed_state, unusual_networks};
use modiste_reference::{Mode, ReferenceEngine};
use modiste_spec::engine::{State, Weights};
use modiste_spec::{Engine, InceptionResNet, Network, NodeId, Op, Shape};

fn reference(network: &Network, state: &State) -> ReferenceEngine {
    let mut engine = ReferenceEngine::new(network.clone(), 0);
    engine.load_state(state).unwrap();
    engine
}

/// Shifting the bias of a channel shifts its whole map, so the logit changes by the sum of its gradients
/// over the map: the mean gradient times the number of pixels.
#[test]
fn channel_weights_agree_with_finite_differences() {
    let mut checked = 0;
    for (name, network) in networks().into_iter().chain(unusual_networks()) {
        let (state, pixels) = (perturbed_state(&network, 5), batch(&network, 1, 6).0);
        let layers = biased_maps(&network);
        // Only the first and the last two, because each costs two passes per channel.
        for &layer in layers.iter().take(1).chain(layers.iter().skip(1).rev().take(2)) {
            expect_map(name, &network, &state, &pixels, layer);
            checked += 1;
        }
    }
    assert!(checked >= 8, "{checked}");
}

/// Nodes with a map, to each channel of which a trained shift is added.
fn biased_maps(network: &Network) -> Vec<NodeId> {
    let nodes = network.nodes().iter().enumerate();
    let shifted = nodes.filter(|(_, node)| {
        matches!(node.op, Op::BatchNorm { .. } | Op::Conv { bias: true, .. })
            && node.shape.pixels() > 1
    });
    shifted.map(|(id, _)| id).collect()
}

fn expect_map(name: &str, network: &Network, state: &State, pixels: &[u8], layer: NodeId) {
    let node = &network.nodes()[layer];
    let class = network.classes() - 1;
    let mut engine = reference(network, state);
    let activations = engine.activations(pixels, Mode::Predict).unwrap()[layer].values.clone();
    let parameter = network
        .parameters()
        .iter()
        .position(|p| p.node == layer && p.name.ends_with(".bias"))
        .unwrap();
    let mut logit = |channel: usize, shift: f64| {
        let value = &mut engine.parameters_mut()[parameter].values[channel];
        let before = *value;
        *value += shift;
        let outputs = engine.activations(pixels, Mode::Predict).unwrap();
        engine.parameters_mut()[parameter].values[channel] = before;
        outputs[network.logits()].values[class]
    };
    // Small enough to cross hardly any ReLU, and far above the rounding of f64.
    let step = 1e-8;
    let (c, count) = (node.shape.channels, node.shape.pixels() as f64);
    let weights: Vec<f64> =
        (0..c).map(|k| (logit(k, step) - logit(k, -step)) / (2.0 * step) / count).collect();
    let sum = |pixel: &[f64]| pixel.iter().zip(&weights).map(|(a, w)| a * w).sum::<f64>().max(0.0);
    let expected: Vec<f64> = activations.chunks_exact(c).map(sum).collect();
    let explainer = Explainer::new(network, &state.parameters).unwrap();
    let found = explainer.grad_cam(pixels, class, Some(&node.name)).unwrap();
    assert_eq!((found.height, found.width), (node.shape.height, node.shape.width));
    let size = |pixel: &[f64]| pixel.iter().zip(&weights).map(|(a, w)| (a * w).abs()).sum::<f64>();
    let scale = activations.chunks_exact(c).map(size).fold(0.0, f64::max);
    for (f, e) in found.values.iter().zip(&expected) {
        let f = f64::from(f * found.peak);
        assert!((f - e).abs() <= 1e-4 * scale, "{name}, {}: {f}, not {e}", node.name);
    }
}

#[test]
fn occlusion_measures_the_drop_of_the_probability() {
    let (_, network) = networks().swap_remove(0);
    let (state, pixels) = (perturbed_state(&network, 1), batch(&network, 1, 3).0);
    let mut engine = reference(&network, &state);
    let shape = network.input_shape();
    let settings = Occlusion { patch: 3, stride: 2, fill: 9, temperature: 2.0 };
    let probability = |engine: &mut ReferenceEngine, pixels: &[u8]| {
        let logits = engine.predict(pixels, Weights::Current).unwrap();
        1.0 / (1.0 + (f64::from(logits[0] - logits[1]) / 2.0).exp())
    };
    let whole = probability(&mut engine, &pixels);
    let mut falls = vec![Vec::new(); shape.pixels()];
    for top in [0, 2] {
        for left in [0, 2, 4] {
            let under =
                |i: usize| (top..top + 3).contains(&(i / 7)) && (left..left + 3).contains(&(i % 7));
            let cover = |(i, &p): (usize, &u8)| if under(i) { 9 } else { p };
            let covered: Vec<u8> = pixels.iter().enumerate().map(cover).collect();
            let fall = whole - probability(&mut engine, &covered);
            (0..falls.len()).filter(|&i| under(i)).for_each(|i| falls[i].push(fall));
        }
    }
    let map = occlusion(&mut engine, &pixels, 1, settings).unwrap();
    assert_eq!((map.height, map.width), (5, 7));
    for (found, falls) in map.values.iter().zip(&falls) {
        let expected = (falls.iter().sum::<f64>() / falls.len() as f64).max(0.0);
        assert!((f64::from(found * map.peak) - expected).abs() < 1e-6, "{found}, {expected}");
    }
    assert!(map.peak > 0.0);
}

#[test]
fn the_default_layer_is_fine_and_on_every_path() {
    let layer = |settings: &InceptionResNet, side, channels| {
        let network = settings.network(Shape::new(side, side, channels), 10).unwrap();
        let node = network.nodes()[default_layer(&network).unwrap()].clone();
        (node.name, node.shape.height)
    };
    let paper = InceptionResNet::default();
    assert_eq!(layer(&paper, 28, 1), ("reduction.concat".into(), 14));
    let swift = InceptionResNet { length: 2, width: 3, stem_stride: 2, ..paper.clone() };
    assert_eq!(layer(&swift, 28, 1), ("blocks.1.relu".into(), 14));
    let plain = InceptionResNet { length: 0, stem_stride: 4, ..paper };
    assert_eq!(layer(&plain, 64, 3), ("output.relu".into(), 4));
}

#[test]
fn impossible_requests_are_refused() {
    let (_, network) = networks().swap_remove(0);
    let (state, pixels) = (perturbed_state(&network, 1), batch(&network, 1, 3).0);
    let explainer = Explainer::new(&network, &state.parameters).unwrap();
    let error = |e: Result<_, ExplainError>| e.unwrap_err().to_string();
    assert_eq!(
        error(explainer.grad_cam(&pixels, 2, None)),
        "class 2 is not below 2, the number of classes"
    );
    assert_eq!(
        error(explainer.grad_cam(&pixels, 0, Some("blocks"))),
        "there is no layer \"blocks\""
    );
    let flat = "layer \"dense5\" is a single pixel and has no map";
    assert_eq!(error(explainer.grad_cam(&pixels, 0, Some("dense5"))), flat);
    let short = "34 bytes are not an image of 5x7x1";
    assert_eq!(error(explainer.grad_cam(&pixels[1..], 0, None)), short);
    let mut engine = reference(&network, &state);
    assert_eq!(error(occlusion(&mut engine, &pixels[1..], 0, Occlusion::default())), short);
    for (patch, stride) in [(6, 1), (0, 1), (3, 0), (3, 4)] {
        let settings = Occlusion { patch, stride, ..Occlusion::default() };
        let text = error(occlusion(&mut engine, &pixels, 0, settings));
        assert!(text.contains("does not fit into an image of 5x7x1"), "{text}");
    }
    assert!(Explainer::new(&network, &state.parameters[1..]).is_err());
}

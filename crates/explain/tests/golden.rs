//! Compares heat maps with those of PyTorch's autograd, which `peers/make_grad_cam.py` recorded.

use modiste_explain::Explainer;
use modiste_reference::check::golden;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    maps: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    case: String,
    image: usize,
    class: usize,
    layer: String,
    /// Not normalised, row by row.
    map: Vec<Vec<f64>>,
}

#[test]
fn grad_cam_agrees_with_pytorch() {
    let File { maps } = serde_json::from_str(include_str!("../golden/grad_cam.json")).unwrap();
    assert!(maps.len() >= 30, "{}", maps.len());
    let cases = golden();
    for Entry { case, image, class, layer, map } in maps {
        let golden = cases.iter().find(|golden| golden.name == case).unwrap();
        let explainer = Explainer::new(&golden.network, &golden.state.parameters).unwrap();
        let size = golden.network.input_shape().len();
        let pixels = &golden.images[image * size..][..size];
        let found = explainer.grad_cam(pixels, class, Some(&layer)).unwrap();
        let expected = map.concat();
        assert_eq!((found.height, found.width), (map.len(), map[0].len()));
        let peak = expected.iter().copied().fold(0.0, f64::max);
        for (f, e) in found.values.iter().zip(&expected) {
            let f = f64::from(f * found.peak);
            // Where the terms of the sum nearly cancel, the error is relative to their size.
            assert!(
                (f - e).abs() <= 1e-4 * peak.max(1e-3),
                "{case} {image} {class} {layer}: {f}, {e}"
            );
        }
    }
}

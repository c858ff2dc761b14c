//! Diagrams follow the description of the network, whatever the architecture.

use modiste_draw::Drawing;
use modiste_spec::{DropoutPlace, InceptionResNet, Network, NetworkBuilder, Op, Shape};
use modiste_views::{block, block_names, structure};

const FASHION: Shape = Shape::new(28, 28, 1);

fn network(settings: InceptionResNet) -> Network {
    settings.network(FASHION, 10).unwrap()
}

fn count(drawing: &Drawing, text: &str) -> usize {
    drawing.texts().filter(|found| *found == text).count()
}

#[test]
fn the_structure_follows_length_and_every_option() {
    let paper = structure(&network(InceptionResNet::default()));
    for text in ["Input block", "Inception-ResNet block", "Reduction block", "Output block"] {
        assert_eq!(count(&paper, text), 1, "{text}");
    }
    for text in [
        "× 4",
        "Image 28×28×1",
        "5 branches, joined to 28×28×288",
        "residual: input + 0.2 × projection",
        "246,000 parameters each",
        "1,104,218 parameters, 796,445,568 multiply-adds per image",
        "Dense, 10",
        "Softmax",
    ] {
        let close = paper.texts().find(|found| found.split(' ').next() == text.split(' ').next());
        assert_eq!(count(&paper, text), 1, "{text}, not {close:?}");
    }
    assert_eq!(count(&paper, "Dropout 0.3"), 4);
    let settings = InceptionResNet {
        length: 2,
        width: 3,
        dropout: 0.5,
        dropout_places: vec![DropoutPlace::Dense],
        stem_stride: 2,
        residual: false,
        ..InceptionResNet::default()
    };
    let other = structure(&network(settings));
    assert_eq!([count(&other, "× 2"), count(&other, "Dropout 0.5")], [1, 1]);
    assert_eq!(count(&other, "Inception block"), 1);
    let stem = other.texts().any(|text| text.starts_with("3×3 conv, 64, stride 2"));
    assert!(stem && !other.texts().any(|text| text.contains("residual")));
    let one = InceptionResNet { length: 1, ..InceptionResNet::default() };
    assert!(!structure(&network(one)).texts().any(|text| text.starts_with("× ")));
    let none = InceptionResNet { length: 0, ..InceptionResNet::default() };
    assert_eq!(count(&structure(&network(none)), "Inception-ResNet block"), 0);
}

#[test]
fn the_block_follows_width_and_scale() {
    for width in 1..=8 {
        let settings = InceptionResNet { width, ..InceptionResNet::default() };
        let drawing = block(&network(settings), None).unwrap();
        assert_eq!(count(&drawing, "1×1 conv, 32"), width);
        let inner = drawing.texts().filter(|text| text.starts_with("3×3 conv")).count();
        assert_eq!(inner, width * (width - 1) / 2);
        assert_eq!([count(&drawing, "1×1 conv, 64"), count(&drawing, "× 0.2")], [1, 1]);
    }
    let settings = InceptionResNet { residual_scale: 0.1, ..InceptionResNet::default() };
    assert_eq!(count(&block(&network(settings), None).unwrap(), "× 0.1"), 1);
    let settings = InceptionResNet { residual: false, ..InceptionResNet::default() };
    let plain = block(&network(settings), None).unwrap();
    assert!(!plain.texts().any(|text| text.starts_with("× ")));
}

#[test]
fn blocks_are_found_by_their_names() {
    let network = network(InceptionResNet::default());
    assert_eq!(block_names(&network), ["blocks.0", "reduction", "output"]);
    let reduction = block(&network, Some("reduction")).unwrap();
    assert_eq!(count(&reduction, "3×3 max-pool, stride 2"), 1);
    // One block of a row of identical blocks.
    assert_eq!(block(&network, Some("blocks.3")), block(&network, Some("blocks.0")));
    for name in ["blocks.4", "blocks", "dense", ""] {
        assert!(block(&network, Some(name)).is_none(), "{name}");
    }
}

/// Another architecture: growing blocks, a dense connection over a block, a fork within a branch, and
/// other kinds of names.
fn another() -> Network {
    let conv = |channels| Op::Conv { kernel: 3, stride: 1, channels, bias: true };
    let mut b = NetworkBuilder::default();
    let image = b.add("x", Op::Input { shape: FASHION }, &[]).unwrap();
    let stem = b.add("stem", conv(8), &[image]).unwrap();
    let first = b.add("stage.0.conv", conv(8), &[stem]).unwrap();
    let sum = b.add("stage.0.sum", Op::ScaledAdd { scale: 1.0 }, &[stem, first]).unwrap();
    let act = b.add("stage.0.act", Op::Relu, &[sum]).unwrap();
    let one = b.add("stage.1.a", conv(4), &[act]).unwrap();
    let two = b.add("stage.1.b", conv(4), &[one]).unwrap();
    let three = b.add("stage.1.c", conv(4), &[one]).unwrap();
    let four = b.add("stage.1.d", conv(4), &[act]).unwrap();
    let joined = b.add("stage.1.join", Op::Concat, &[two, three, four, stem]).unwrap();
    let mean = b.add("head.mean", Op::GlobalAvgPool, &[joined]).unwrap();
    let dense = b.add("head.dense", Op::Dense { units: 10 }, &[mean]).unwrap();
    b.add("p", Op::Softmax, &[dense]).unwrap();
    b.finish().unwrap()
}

#[test]
fn other_architectures_are_drawn_too() {
    let network = another();
    let drawing = structure(&network);
    for text in ["Stem", "Stage.0", "Stage.1", "Head"] {
        assert_eq!(count(&drawing, text), 1, "{text}");
    }
    assert_eq!(block_names(&network), ["stage.0", "stage.1", "head"]);
    let stage = block(&network, Some("stage.1")).unwrap();
    assert_eq!(count(&stage, "3×3 conv, 4"), 4);
    assert!(stage.texts().any(|text| text == "input 28×28×8"));
    assert!(stage.svg().len() > 1_000 && stage.png(1.0).is_ok());
}

#[test]
fn drawings_are_described_and_deterministic() {
    let network = network(InceptionResNet::default());
    for drawing in [structure(&network), block(&network, None).unwrap()] {
        assert!(drawing.description.contains("parameters"), "{}", drawing.description);
        assert!(drawing.svg().contains("<desc>") && drawing.svg() == drawing.svg());
    }
}

//! Compares CutMix and MixUp with torchvision, and the shares of MixUp with scipy's beta distribution;
//! `golden/make_mix.py` recorded both.

use modiste_data::{Augmentation, Images, fill_batch, fill_shares};
use modiste_spec::Shape;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/mix.json")).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// The images of the script: pixels (n, h, w, c).
fn images(n: usize, shape: Shape) -> Images {
    let pixel = |position: usize| {
        let (c, rest) = (position % shape.channels, position / shape.channels);
        let (w, rest) = (rest % shape.width, rest / shape.width);
        let (h, i) = (rest % shape.height, rest / shape.height);
        (i * 61 + h * 23 + w * 7 + c * 101) as u8
    };
    Images { shape, pixels: (0..n * shape.len()).map(pixel).collect() }
}

#[test]
fn mixed_images_and_shares_agree_with_torchvision() {
    let golden = golden();
    let [n, classes] = ["count", "classes"].map(|name| number(&golden[name]) as usize);
    let labels: Vec<u16> = (0..n).map(|i| (i % classes) as u16).collect();
    let indices: Vec<u32> = numbers(&golden["indices"]).iter().map(|&i| i as u32).collect();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    let (mut batch, mut shares, mut pasted, mut blended) = (Vec::new(), Vec::new(), 0, 0);
    for case in cases {
        let side = |i: usize| number(&case["shape"][i]) as usize;
        let shape = Shape::new(side(0), side(1), side(2));
        let [cutmix, mixup] = ["cutmix", "mixup"].map(|name| number(&case[name]));
        let with = Augmentation { cutmix, mixup, ..Augmentation::default() };
        let [seed, epoch] = ["seed", "epoch"].map(|name| case[name].as_u64().unwrap());
        fill_batch(&images(n, shape), &indices, &with, seed, epoch, &mut batch);
        fill_shares(&labels, classes, shape, &indices, &with, (seed, epoch), &mut shares);
        for (i, index) in indices.iter().enumerate() {
            let name = format!("cutmix {cutmix}, mixup {mixup}, seed {seed}, image {index}");
            let expected = numbers(&case["pixels"][i]);
            for (ours, theirs) in batch[i * shape.len()..][..shape.len()].iter().zip(&expected) {
                // Half a level for rounding to bytes, and three decimals in the file.
                assert!((f64::from(*ours) - theirs).abs() <= 0.501, "{name}: {ours}, not {theirs}");
            }
            let expected_shares = numbers(&case["shares"][i]);
            for (ours, theirs) in shares[i * classes..][..classes].iter().zip(&expected_shares) {
                assert!((f64::from(*ours) - theirs).abs() < 1e-6, "{name}: {ours}, not {theirs}");
            }
            let whole = expected.iter().all(|value| value.fract() == 0.0);
            *(if whole { &mut pasted } else { &mut blended }) += 1;
        }
    }
    assert!(pasted > 15 && blended > 15, "{pasted} and {blended}");
}

#[test]
fn shares_of_mixup_agree_with_scipy_s_beta_distribution() {
    let golden = golden();
    let levels = numbers(&golden["levels"]);
    let n = 20_000;
    let labels: Vec<u16> = (0..n).map(|i| (i % 2) as u16).collect();
    let indices: Vec<u32> = (0..n).collect();
    let mut shares = Vec::new();
    for (mixup, quantiles) in golden["quantiles"].as_object().unwrap() {
        let with = Augmentation { mixup: mixup.parse().unwrap(), ..Augmentation::default() };
        fill_shares(&labels, 2, Shape::new(2, 2, 1), &indices, &with, (1, 2), &mut shares);
        // Shares of the image and of its partner, if the partner has the other class.
        let pairs = shares.chunks_exact(2).zip(&labels);
        let pairs = pairs.map(|(row, &own)| [row[usize::from(own)], row[1 - usize::from(own)]]);
        let pairs: Vec<_> = pairs.filter(|pair| pair[1] > 0.0).collect();
        assert!(pairs.len() > 9_500, "{}", pairs.len());
        for (&level, quantile) in levels.iter().zip(numbers(quantiles)) {
            // The smaller of both shares is the more exact one in f32.
            let below = |pair: &&[f32; 2]| match quantile < 0.5 {
                true => f64::from(pair[0]) <= quantile,
                false => f64::from(pair[1]) >= 1.0 - quantile,
            };
            let count = pairs.iter().filter(below).count();
            let found = count as f64 / pairs.len() as f64;
            let deviation = (level * (1.0 - level) / pairs.len() as f64).sqrt();
            assert!((found - level).abs() < 4.0 * deviation, "{mixup}: {found}, not {level}");
        }
    }
}

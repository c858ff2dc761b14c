//! Detection of copies and odd pictures, on pictures that the tests draw.

use modiste_check::{Copies, Match, Mirroring, Oddity, SIMILARITY, Turning, copies, oddity};

const SHAPE: [usize; 3] = [20, 24, 3];

/// Eight overlapping discs, different for each `seed`.
fn picture(seed: u32) -> Vec<u8> {
    let [height, width, channels] = SHAPE;
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let mut bytes = vec![30; height * width * channels];
    for _ in 0..8 {
        let (cx, cy, r, value) = (next(24), next(20), 2 + next(6), next(250));
        for (i, byte) in (0_u32..).zip(&mut bytes) {
            let (x, y) = (i / 3 % width as u32, i / 3 / width as u32);
            if x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2) < r * r {
                *byte = (value + 2 * (i % 3)) as u8;
            }
        }
    }
    bytes
}

fn find(images: &[Vec<u8>], groups: &[usize], threads: usize) -> Vec<Match> {
    let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
    copies(&Copies { images: &images, shape: SHAPE, groups, similarity: SIMILARITY, threads })
}

#[test]
fn exact_and_near_copies_are_found_and_nothing_else() {
    let mut images: Vec<Vec<u8>> = (0..700).map(picture).collect();
    images.push(images[3].clone());
    // One copy is darker, as from another camera; one has the noise of a lossy file.
    images.push(images[5].iter().map(|&v| (f64::from(v) * 0.8) as u8).collect());
    images.push(
        (0_u32..).zip(&images[7]).map(|(i, &v)| v.saturating_add((i * 7 % 5) as u8)).collect(),
    );
    let found = find(&images, &[703], 3);
    let pairs: Vec<_> = found.iter().map(|m| (m.image, m.of, m.exact)).collect();
    assert_eq!(pairs, [(700, 3, true), (701, 5, false), (702, 7, false)]);
    assert!(found.iter().all(|m| (m.exact && m.similarity == 1.0) || m.similarity < 1.0));
    assert_eq!(found, find(&images, &[703], 1));
}

#[test]
fn each_group_reports_its_own_match() {
    let images = [picture(1), picture(2), picture(1), picture(1), picture(2)];
    let pairs: Vec<_> = find(&images, &[2, 5], 2).iter().map(|m| (m.image, m.of)).collect();
    assert_eq!(pairs, [(2, 0), (3, 0), (3, 2), (4, 1)]);
}

#[test]
fn constant_pictures_match_only_equal_ones() {
    let constant = |value| vec![value; SHAPE.iter().product()];
    let found = find(&[constant(0), constant(9), constant(200), constant(9)], &[4], 2);
    assert_eq!(found, [Match { image: 3, of: 1, similarity: 1.0, exact: true }]);
}

#[test]
fn empty_pictures_are_odd() {
    let of = |bytes: Vec<u8>| oddity(&bytes, 3);
    let n = SHAPE.iter().product::<usize>();
    assert_eq!(of(vec![0; n]), Some(Oddity::Black));
    assert_eq!(of(vec![3; n]), Some(Oddity::Black));
    assert_eq!(of([200, 10, 30].repeat(n / 3)), Some(Oddity::Constant));
    let mut dark: Vec<u8> = (0..n).map(|i| (i % 14) as u8).collect();
    assert_eq!(of(dark.clone()), Some(Oddity::Dark));
    dark.iter_mut().for_each(|v| *v = 255 - *v);
    assert_eq!(of(dark), Some(Oddity::Bright));
    assert_eq!(of(picture(4)), None);
    // A single pixel with many channels is not a picture.
    assert_eq!(oddity(&picture(4), n), None);
    assert_eq!(of(Vec::new()), None);
}

/// A bright bar on the left or on the right of a background that differs from picture to picture.
fn bar(right: bool, seed: u32) -> Vec<u8> {
    let mut picture: Vec<u8> = picture(seed).iter().map(|value| value / 4).collect();
    for (i, byte) in picture.iter_mut().enumerate() {
        let x = i / 3 % 24;
        if (x < 6 && !right) || (x >= 18 && right) {
            *byte = 250;
        }
    }
    picture
}

#[test]
fn turning_harms_pictures_with_an_upright_direction() {
    // A disc at a random position in 16 x 16 pixels, with noise; `sky` brightens the upper or lower half.
    let square = |seed: u32, sky: Option<bool>| -> Vec<u8> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(77);
        let mut next = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % below
        };
        let (cx, cy, r) = (3 + next(10), 3 + next(10), 2 + next(3));
        let mut pixel = |i: u32| {
            let (x, y) = (i % 16, i / 16);
            let disc = x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2) < r * r;
            let bright = sky.is_some_and(|upper| (y < 8) == upper);
            40 + 120 * u8::from(disc) + 40 * u8::from(bright) + next(9) as u8
        };
        (0..256).map(&mut pixel).collect()
    };
    let labels: Vec<u16> = (0..80).map(|i| i % 2).collect();
    let of = |sky: &dyn Fn(u32) -> Option<bool>| {
        let images: Vec<Vec<u8>> = (0..80).map(|i| square(i, sky(i))).collect();
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        Turning::of(&images, &labels, [16, 16, 1]).unwrap()
    };
    let anywhere = of(&|_| None);
    assert!(!anywhere.harms() && !anywhere.upright, "{anywhere:?}");
    assert!(of(&|_| Some(true)).upright);
    // The bright half is up in one class and down in the other, so the pictures share no upright direction.
    let by_class = of(&|i| Some(i % 2 == 0));
    assert!(by_class.harms() && by_class.turned < by_class.plain, "{by_class:?}");
    assert_eq!(Turning::of(&[], &[], [16, 16, 1]), None);
    let images = [picture(1), picture(2)].concat();
    let images: Vec<&[u8]> = images.chunks(1440).cycle().take(60).collect();
    assert_eq!(Turning::of(&images, &labels[..60], SHAPE), None);
}

#[test]
fn mirroring_harms_when_left_and_right_are_the_classes() {
    let images: Vec<Vec<u8>> = (0..60).map(|i| bar(i % 2 == 1, i)).collect();
    let of = |labels: &[u16]| {
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        Mirroring::of(&images, labels, SHAPE).unwrap()
    };
    let sides: Vec<u16> = (0..60).map(|i| i % 2).collect();
    let by_side = of(&sides);
    assert!(by_side.plain > 0.95 && by_side.mirrored < 0.05 && by_side.harms(), "{by_side:?}");
    // If bars on both sides occur in each class, a mirrored picture is as good as the original.
    let ground: Vec<u16> = (0..60).map(|i| i / 2 % 2).collect();
    assert!(!of(&ground).harms());
    assert_eq!(Mirroring::of(&[], &[], SHAPE), None);
    assert_eq!(Mirroring::of(&[&[0; 1440], &[9; 1440]], &[0, 1], SHAPE), None);
}

//! Batches: what augmentation does, and that it depends only on seed, epoch and image.

use modiste_data::{Augmentation, Images, fill_batch};
use modiste_spec::Shape;

const SHAPE: Shape = Shape { height: 5, width: 4, channels: 3 };

/// Images whose pixels encode image, row, column and channel; none of them is black.
fn images(n: usize, shape: Shape) -> Images {
    let pixels = (0..n * shape.len()).map(|p| 1 + (p * 7 % 255) as u8).collect();
    Images { shape, pixels }
}

fn batch(images: &Images, indices: &[u32], with: &Augmentation, seed: u64, epoch: u64) -> Vec<u8> {
    let mut out = vec![99; 7];
    fill_batch(images, indices, with, seed, epoch, &mut out);
    out
}

/// The image mirrored, by definition.
fn reference_mirror(image: &[u8], shape: Shape) -> Vec<u8> {
    let at = |y: usize, x: usize, c: usize| image[(y * shape.width + x) * shape.channels + c];
    let mut out = Vec::new();
    for y in 0..shape.height {
        for x in (0..shape.width).rev() {
            out.extend((0..shape.channels).map(|c| at(y, x, c)));
        }
    }
    out
}

/// The image moved by (dy, dx), by definition.
fn reference_shift(image: &[u8], shape: Shape, [dy, dx]: [isize; 2], edge: bool) -> Vec<u8> {
    let (h, w) = (shape.height as isize, shape.width as isize);
    let mut out = Vec::new();
    for (y, x) in (0..h * w).map(|p| (p / w - dy, p % w - dx)) {
        let inside = (0..h).contains(&y) && (0..w).contains(&x);
        let from = (y.clamp(0, h - 1) * w + x.clamp(0, w - 1)) as usize * shape.channels;
        let pixel = &image[from..from + shape.channels];
        out.extend(pixel.iter().map(|&v| if inside || edge { v } else { 0 }));
    }
    out
}

#[test]
fn without_augmentation_images_are_copied() {
    let images = images(5, SHAPE);
    let out = batch(&images, &[4, 0, 4], &Augmentation::default(), 1, 1);
    assert_eq!(out, [images.get(4), images.get(0), images.get(4)].concat());
    assert!(batch(&images, &[], &Augmentation::paper(), 1, 1).is_empty());
}

#[test]
fn a_reused_batch_does_not_allocate() {
    let images = images(5, SHAPE);
    let mut out = Vec::new();
    fill_batch(&images, &[0, 1, 2, 3], &Augmentation::paper(), 1, 1, &mut out);
    let (place, room) = (out.as_ptr(), out.capacity());
    for indices in [&[4][..], &[3, 2, 1, 0], &[]] {
        fill_batch(&images, indices, &Augmentation::paper(), 1, 2, &mut out);
        assert_eq!((out.as_ptr(), out.capacity()), (place, room));
        assert_eq!(out.len(), indices.len() * SHAPE.len());
    }
}

#[test]
fn half_of_the_images_are_mirrored() {
    for channels in [1, 3] {
        for width in [4, 5] {
            let shape = Shape { width, channels, ..SHAPE };
            let images = images(2000, shape);
            let all: Vec<u32> = (0..2000).collect();
            let out = batch(&images, &all, &Augmentation::paper(), 1, 1);
            let mut flips = 0;
            for (i, image) in out.chunks_exact(shape.len()).enumerate() {
                let mirrored = reference_mirror(images.get(i), shape);
                flips += usize::from(image == mirrored);
                assert!(image == mirrored || image == images.get(i), "image {i}");
            }
            // Four standard deviations of 2,000 fair coins.
            assert!((911..1090).contains(&flips), "{flips}");
        }
    }
}

#[test]
fn alternating_flips_show_both_sides_in_two_epochs() {
    let images = images(300, SHAPE);
    let all: Vec<u32> = (0..300).collect();
    let with = Augmentation { alternating_flip: true, ..Augmentation::default() };
    let [one, two, three] = [0, 1, 2].map(|epoch| batch(&images, &all, &with, 1, epoch));
    assert_eq!(one, three);
    let pairs = one.chunks_exact(SHAPE.len()).zip(two.chunks_exact(SHAPE.len()));
    assert!(pairs.clone().all(|(a, b)| reference_mirror(a, SHAPE) == b));
    let plain = pairs.enumerate().filter(|(i, (a, _))| *a == images.get(*i)).count();
    assert!((110..190).contains(&plain), "{plain}");
}

#[test]
fn shifts_cover_every_offset_and_no_other() {
    let images = images(2000, SHAPE);
    let all: Vec<u32> = (0..2000).collect();
    for edge in [false, true] {
        let with = Augmentation { shift: 2, shift_edge: edge, ..Augmentation::default() };
        let out = batch(&images, &all, &with, 1, 1);
        let mut seen = std::collections::BTreeMap::new();
        for (i, image) in out.chunks_exact(SHAPE.len()).enumerate() {
            let offsets = (0..25).map(|k| [k / 5 - 2, k % 5 - 2]);
            let image_is =
                |by: &[isize; 2]| reference_shift(images.get(i), SHAPE, *by, edge) == image;
            let by = { offsets }.find(image_is).expect("a shift by at most two");
            *seen.entry(by).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 25);
        assert!(seen.values().all(|&count| (45..125).contains(&count)), "{seen:?}");
    }
}

#[test]
fn shifts_are_limited_to_the_size_of_the_image() {
    let images = images(2000, SHAPE);
    for edge in [false, true] {
        let with = Augmentation { shift: 99, shift_edge: edge, ..Augmentation::default() };
        for i in 0..2000 {
            let image = batch(&images, &[i], &with, 1, 1);
            let offsets = (0..99).map(|k| [k / 9 - 5, k % 9 - 4]);
            let from = images.get(i as usize);
            assert!({ offsets }.any(|by| reference_shift(from, SHAPE, by, edge) == image));
        }
    }
}

#[test]
fn cutout_blackens_one_square() {
    let images = images(500, SHAPE);
    let all: Vec<u32> = (0..500).collect();
    let with = Augmentation { cutout: 3, ..Augmentation::default() };
    let out = batch(&images, &all, &with, 1, 1);
    let mut sizes = std::collections::BTreeSet::new();
    for (i, image) in out.chunks_exact(SHAPE.len()).enumerate() {
        let black = |p: &usize| image[p * 3..p * 3 + 3] == [0; 3];
        let holes: Vec<usize> = (0..20).filter(black).collect();
        let (rows, columns) = (holes.iter().map(|p| p / 4), holes.iter().map(|p| p % 4));
        let height = rows.clone().max().unwrap() - rows.min().unwrap() + 1;
        let width = columns.clone().max().unwrap() - columns.min().unwrap() + 1;
        assert_eq!(holes.len(), height * width, "the black pixels are a rectangle");
        sizes.insert((height, width));
        let kept = (0..60).filter(|p| !holes.contains(&(p / 3)));
        assert!({ kept }.all(|p| image[p] == images.get(i)[p]));
    }
    assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [(2, 2), (2, 3), (3, 2), (3, 3)]);
    // A square may be larger than the image.
    let with = Augmentation { cutout: usize::MAX, ..Augmentation::default() };
    assert!(batch(&images, &all, &with, 1, 1).iter().all(|&v| v == 0));
}

#[test]
fn erasing_changes_a_rectangle_with_its_probability() {
    let shape = Shape { height: 28, width: 28, channels: 1 };
    let images = Images { shape, pixels: vec![0; 1000 * 784] };
    let all: Vec<u32> = (0..1000).collect();
    let with = Augmentation { erase: 0.4, ..Augmentation::default() };
    let out = batch(&images, &all, &with, 1, 1);
    let changed: Vec<_> =
        out.chunks_exact(784).map(|i| i.iter().filter(|&&v| v != 0).count()).collect();
    let erased: Vec<_> = changed.iter().filter(|&&n| n > 0).collect();
    assert!((338..462).contains(&erased.len()), "{}", erased.len());
    // 2 to 40 % of 784 with rounded sides; a 256th of the noise is black.
    assert!(erased.iter().all(|&&n| (10..=340).contains(&n)));
    let mean = erased.iter().copied().sum::<usize>() as f64 / erased.len() as f64 / 784.0;
    assert!((0.19..0.23).contains(&mean), "{mean}");
    let first = out.chunks_exact(784).find(|image| image.iter().any(|&v| v != 0)).unwrap();
    let rows: Vec<_> = first.chunks_exact(28).filter(|row| row.iter().any(|&v| v != 0)).collect();
    assert!(rows.windows(2).all(|pair| pair[0] != pair[1]), "the noise does not repeat");
}

#[test]
fn draws_depend_only_on_seed_epoch_and_image() {
    let images = images(64, SHAPE);
    let with = Augmentation { flip: true, shift: 2, cutout: 2, erase: 0.5, ..Default::default() };
    let forwards: Vec<u32> = (0..64).collect();
    let whole = batch(&images, &forwards, &with, 5, 7);
    let backwards: Vec<u32> = (0..64).rev().collect();
    let turned = batch(&images, &backwards, &with, 5, 7);
    let mut again: Vec<_> = turned.chunks_exact(SHAPE.len()).collect();
    again.reverse();
    assert_eq!(again.concat(), whole);
    assert_eq!(batch(&images, &[20], &with, 5, 7), whole[20 * 60..21 * 60]);
    assert_ne!(batch(&images, &forwards, &with, 5, 8), whole);
    assert_ne!(batch(&images, &forwards, &with, 6, 7), whole);
}

#[test]
fn settings_are_checked() {
    let check = |with: Augmentation| with.check().map_err(|error| error.to_string());
    assert_eq!(check(Augmentation::paper()), Ok(()));
    let off = Augmentation::default();
    for erase in [-0.1, 1.1, f64::NAN] {
        let error = check(Augmentation { erase, ..off }).unwrap_err();
        assert!(error.contains("is not a probability"), "{error}");
    }
    assert!(check(Augmentation { flip: true, alternating_flip: true, ..off }).is_err());
    assert!(check(Augmentation { shift_edge: true, ..off }).is_err());
    let read = serde_json::from_str::<Augmentation>(r#"{"flip": true}"#).unwrap();
    assert_eq!(read, Augmentation::paper());
    assert!(serde_json::from_str::<Augmentation>(r#"{"flap": true}"#).is_err());
}

//! `modiste train` on the user's own pictures: settings chosen from them, and warnings.

use crate::util::{Folder, bytes};

/// IDX files of 16 x 16 pixels: a bright bar at the left or at the right, on noise.
fn sides() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("sides")).unwrap();
    for (part, count, salt) in [("train", 60_u32, 0), ("t10k", 20, 1_000)] {
        let labels: Vec<u8> = (0..count).map(|i| (i % 2) as u8).collect();
        let pixel = |i: u32| {
            let (image, x) = (i / 256, i % 16);
            let bar = if image % 2 == 0 { x < 4 } else { x >= 12 };
            let noise = ((i + 256 * salt).wrapping_mul(2_654_435_761) >> 26) as u8;
            if bar { 190 + noise } else { noise }
        };
        let pixels: Vec<u8> = (0..256 * count).map(pixel).collect();
        let n = [0, 0, 0, count as u8];
        let images = [&[0, 0, 8, 3][..], &n, &[0, 0, 0, 16, 0, 0, 0, 16], &pixels].concat();
        let file = |kind: &str| folder.path("sides").join(format!("{part}-{kind}-ubyte"));
        std::fs::write(file("images-idx3"), images).unwrap();
        std::fs::write(file("labels-idx1"), [&[0, 0, 8, 1][..], &n, &labels].concat()).unwrap();
    }
    folder
}

const SIDES: [&str; 5] = ["train", "--data", "sides", "--split", "48/12/20"];

#[test]
fn left_and_right_are_learned_without_any_option() {
    let folder = sides();
    let said = folder.run(&[&SIDES[..], &["--out", "run", "--json"]].concat()).expect(0);
    assert!(
        said.stderr.contains("settings for 48 training pictures of 16x16x1"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("not mirrored"), "{}", said.stderr);
    let json = said.json();
    assert_eq!(json["validation"]["accuracy"], 1.0);
    let config = String::from_utf8(bytes(&folder.path("run/config.toml"))).unwrap();
    for line in ["architecture = \"cnn\"", "batch = 16", "flip = false", "turn = 8.0"] {
        assert!(config.contains(line), "{line}: {config}");
    }
    // Given options are kept, and a preset uses its own settings.
    let typed = ["--out", "typed", "--epochs", "1", "--batch", "16", "--flip", "--quiet"];
    folder.run(&[&SIDES[..], &typed].concat()).expect(0);
    let config = String::from_utf8(bytes(&folder.path("typed/config.toml"))).unwrap();
    for line in ["epochs = 1\n", "batch = 16", "flip = true"] {
        assert!(config.contains(line), "{line}: {config}");
    }
    let grey = ["--colour", "0.2", "--out", "grey", "--quiet"];
    let said = folder.run(&[&SIDES[..], &grey].concat());
    said.expect_error(1, &["training.augmentation.colour: has no effect on grey pictures"]);
    let preset = ["--preset", "cnn", "--channels", "4", "--out", "preset", "--epochs", "1"];
    let said = folder.run(&[&SIDES[..], &preset].concat()).expect(0);
    assert!(!said.stderr.contains("settings for"), "{}", said.stderr);
}

#[test]
fn a_plan_of_minutes_is_written_down_and_repeats() {
    let folder = sides();
    let plan = ["--minutes", "0.05", "--out", "run"];
    let said = folder.run(&[&SIDES[..], &plan].concat()).expect(0);
    assert!(said.stderr.contains("fit into 0.05 minutes"), "{}", said.stderr);
    let again = ["train", "--config", "run/config.toml", "--out", "again", "--quiet"];
    folder.run(&again).expect(0);
    let model = |run: &str| bytes(&folder.path(run).join("best.safetensors"));
    assert_eq!(model("run"), model("again"));
    let both = ["--minutes", "1", "--epochs", "3"];
    assert_eq!(folder.run(&[&SIDES[..], &both].concat()).status, 2);
    assert_eq!(folder.run(&[&SIDES[..], &["--minutes", "0"]].concat()).status, 2);
}

#[test]
fn pictures_that_mislead_are_told_before_training() {
    let folder = sides();
    let path = folder.path("sides/train-images-idx3-ubyte");
    let mut file = bytes(&path);
    let pictures = &mut file[16..];
    // The first picture is black, and so is a test picture; the fifth is a copy of the second under the
    // other label.
    pictures[..256].fill(0);
    let second = pictures[256..512].to_vec();
    pictures[4 * 256..5 * 256].copy_from_slice(&second);
    std::fs::write(&path, file).unwrap();
    let path = folder.path("sides/t10k-images-idx3-ubyte");
    let mut file = bytes(&path);
    file[16..16 + 256].fill(0);
    std::fs::write(&path, file).unwrap();
    let args = [&SIDES[..], &["--epochs", "1", "--out", "run"]].concat();
    let said = folder.run(&args).expect(0);
    for text in
        ["2 pictures are black", "1 picture is identical to one with another label", "in two parts"]
    {
        assert!(said.stderr.contains(text), "{text}: {}", said.stderr);
    }
}

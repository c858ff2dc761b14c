//! Configurations: complete, settable leaf by leaf, and refused with a reason.

use modiste_spec::Architecture;
use modiste_train::{ClassWeights, Config, PRESETS, Schedule};
use proptest::prelude::*;

fn error_of(path: &str, value: &str) -> String {
    let mut config = Config::paper();
    let error = config.set(path, value).unwrap_err().to_string();
    assert_eq!(config, Config::paper(), "a refused value has changed something");
    error
}

fn check_error(change: impl FnOnce(&mut Config)) -> String {
    let mut config = Config::paper();
    change(&mut config);
    config.check().unwrap_err().to_string()
}

#[test]
fn presets_make_sense_and_survive_being_written() {
    for preset in PRESETS {
        let config = Config::preset(preset.name).unwrap();
        config.check().unwrap();
        assert_eq!(Config::parse(&config.to_toml(), "config.toml").unwrap(), config);
    }
    let error = Config::preset("quick").unwrap_err().to_string();
    assert_eq!(error, "preset: \"quick\" does not exist; there are swift, paper, cnn, mlp");
}

#[test]
fn the_paper_is_the_paper() {
    let paper = Config::paper();
    let network = paper.network.inception().unwrap();
    assert_eq!((network.length, network.width, network.dropout), (4, 5, 0.3));
    assert_eq!((network.stem_stride, paper.training.epochs), (1, 40));
    assert_eq!(paper.training.schedule.kind(), "plateau");
    assert_eq!(paper.training.schedule.base_learning_rate(), 1e-3);
    let optimiser = paper.training.optimiser;
    assert_eq!((optimiser.beta1, optimiser.beta2, optimiser.weight_decay), (0.9, 0.999, 0.0));
}

/// The dotted path of every leaf of a file.
fn leaves(prefix: &str, table: &toml::Table) -> Vec<String> {
    let leaf = |(key, value): (&String, &toml::Value)| match value {
        toml::Value::Table(inner) => leaves(&format!("{prefix}{key}."), inner),
        _ => vec![format!("{prefix}{key}")],
    };
    table.iter().flat_map(leaf).collect()
}

#[test]
fn every_leaf_of_every_kind_is_a_field() {
    let mut known: Vec<&str> = Vec::new();
    let schedules = Schedule::KINDS.map(|kind| ("training.schedule.kind", kind));
    let architectures = Architecture::KINDS.map(|kind| ("network.architecture", kind));
    for (path, kind) in schedules.into_iter().chain(architectures) {
        let mut config = Config::paper();
        config.set(path, kind).unwrap();
        let mut expected = leaves("", &config.to_toml().parse().unwrap());
        let mut paths: Vec<&str> = config.fields().iter().map(|field| field.path).collect();
        known.extend(&paths);
        expected.sort();
        paths.sort();
        assert_eq!(paths, expected, "{kind}");
    }
    for (path, doc) in Config::all_fields() {
        assert!(known.contains(&path) && !doc.is_empty(), "{path} belongs to no kind");
    }
}

#[test]
fn files_older_than_the_field_hold_the_papers_network() {
    let text = Config::paper().to_toml();
    assert!(!text.contains("architecture"), "{text}");
    let with =
        |kind: &str| text.replace("[network]", &format!("[network]\narchitecture = {kind:?}"));
    assert_eq!(Config::parse(&with("inception_resnet"), "config.toml").unwrap(), Config::paper());
    let unknown = with("vgg");
    let error = Config::parse(&unknown, "config.toml").unwrap_err().to_string();
    assert!(error.contains("unknown variant `vgg`, expected one of `inception_resnet`"), "{error}");
}

#[test]
fn an_architecture_brings_its_own_fields() {
    let mut config = Config::paper();
    config.set("architecture", "cnn").unwrap();
    config.set("channels", "32").unwrap();
    config.check().unwrap();
    assert_eq!(Config::parse(&config.to_toml(), "config.toml").unwrap(), config);
    let error = config.set("width", "3").unwrap_err().to_string();
    assert_eq!(error, "network.width: has no effect on the architecture cnn");
    let error = config.set("architecture", "vgg").unwrap_err().to_string();
    let kinds = "\"vgg\" is not one of inception_resnet, cnn, mlp";
    assert_eq!(error, format!("network.architecture: {kinds}"));
    config.set("architecture", "mlp").unwrap();
    let error = config.check().unwrap_err().to_string();
    assert!(error.starts_with("training.augmentation: is for pixels that have neig"), "{error}");
    config.set("flip", "false").unwrap();
    config.check().unwrap();
    let data = config.load_data().unwrap();
    assert_eq!(data.shape().to_string(), "1x1x784");
    assert_eq!(config.network(&data).unwrap().input_shape().to_string(), "1x1x784");
}

#[test]
fn every_field_takes_its_own_value() {
    for preset in PRESETS {
        for kind in Schedule::KINDS {
            let mut config = (preset.config)();
            config.set("training.schedule.kind", kind).unwrap();
            let mut copy = config.clone();
            for field in config.fields() {
                copy.set(field.path, &field.value).unwrap();
            }
            assert_eq!(copy, config);
        }
    }
}

#[test]
fn fields_are_set_from_text() {
    let mut config = Config::paper();
    for (path, value) in [
        ("training.batch", "64"),
        ("epochs", "7"),
        ("dropout", "1e-1"),
        ("dropout_places", "reduction, dense"),
        ("residual", "false"),
        ("class_weights", "1,2.5,1"),
        ("select_by", "loss"),
        ("split", "100/20/20"),
        ("training.schedule.kind", "cosine"),
        ("learning_rate", "1"),
        ("early_stopping.patience", "5"),
    ] {
        config.set(path, value).unwrap();
    }
    assert_eq!((config.training.batch, config.training.epochs), (64, 7));
    let network = config.network.inception().unwrap();
    assert_eq!((network.dropout, network.residual), (0.1, false));
    assert_eq!(network.dropout_places.len(), 2);
    assert_eq!(config.training.class_weights, ClassWeights::List(vec![1.0, 2.5, 1.0]));
    assert_eq!(config.training.early_stopping.patience, 5);
    let cosine = Schedule::Cosine { learning_rate: 1.0, warmup_epochs: 0.0, floor: 0.0 };
    assert_eq!(config.training.schedule, cosine);
    config.set("class_weights", "balanced").unwrap();
    assert_eq!(config.training.class_weights, ClassWeights::Balanced);
}

#[test]
fn wrong_fields_are_named_with_the_nearest() {
    let unknown = error_of("training.bacth", "64");
    assert_eq!(unknown, "training.bacth: no such field; the nearest is training.batch");
    let short = error_of("epoch", "64");
    assert_eq!(short, "epoch: no such field; the nearest is training.epochs");
    assert!(error_of("", "1").contains("no such field"));
    let several = "patience: is one of training.schedule.patience, \
                   training.early_stopping.patience: name it";
    assert_eq!(error_of("patience", "3"), several);
}

#[test]
fn wrong_values_are_named_with_what_would_do() {
    let batch = |value| error_of("batch", value);
    assert_eq!(batch("many"), "training.batch: \"many\" is not a whole number from 0 up");
    assert_eq!(batch("-1"), "training.batch: \"-1\" is not a whole number from 0 up");
    assert_eq!(batch("2.5"), "training.batch: \"2.5\" is not a whole number from 0 up");
    assert!(batch("99999999999999999999").contains("is not a whole number"));
    assert_eq!(error_of("dropout", "high"), "network.dropout: \"high\" is not a number");
    assert_eq!(error_of("flip", "yes"), "training.augmentation.flip: \"yes\" is not true or false");
    let places = error_of("dropout_places", "input,roof");
    assert!(places.contains("unknown variant `roof`, expected one of `input`"), "{places}");
    let weights = error_of("class_weights", "1,two");
    assert!(weights.ends_with("\"1,two\" is not none, balanced or numbers such as 1,2,1"));
    let kind = error_of("kind", "linear");
    let kinds = "\"linear\" is not one of constant, plateau, cosine, one_cycle";
    assert_eq!(kind, format!("training.schedule.kind: {kinds}"));
    let select = error_of("select_by", "auroc");
    assert!(select.contains("unknown variant `auroc`, expected `accuracy` or `loss`"), "{select}");
}

#[test]
fn settings_without_effect_are_refused() {
    let warmup = error_of("warmup_epochs", "2");
    assert_eq!(warmup, "training.schedule.warmup_epochs: has no effect on the schedule plateau");
    let seed = check_error(|c| c.data.split_seed = 1);
    assert_eq!(seed, "data.split_seed: 1 has no effect on the split paper");
    let delta = check_error(|c| c.training.early_stopping.min_delta = 0.1);
    assert!(delta.ends_with("min_delta: 0.1 has no effect while patience is 0"), "{delta}");
    let places = check_error(|c| c.network.inception_mut().unwrap().dropout_places.clear());
    assert_eq!(places, "network.dropout: 0.3 has no effect without network.dropout_places");
}

#[test]
fn values_out_of_range_are_refused() {
    let set = |path: &str, value: &str| {
        let mut config = Config::paper();
        config.set(path, value).unwrap();
        config.check().unwrap_err().to_string()
    };
    assert_eq!(set("epochs", "0"), "training.epochs: 0 is not at least 1");
    assert_eq!(set("batch", "0"), "training.batch: 0 is not at least 1");
    assert_eq!(set("label_smoothing", "1"), "training.label_smoothing: 1 is not from 0 to under 1");
    assert!(set("learning_rate", "NaN").ends_with("NaN is not a finite number above 0"));
    assert!(set("floor", "0.1").ends_with("0.1 is not from 0 to the learning rate 0.001"));
    assert!(set("factor", "1").ends_with("1 is not between 0 and 1"));
    assert!(set("beta2", "1").starts_with("training.optimiser.beta2: 1"));
    assert!(set("class_weights", "0,0").contains("one of them above 0"));
    assert!(set("class_weights", "1,-1").contains("from 0 up"));
    assert!(set("split", "half").starts_with("data.split: \"half\" is not a split"));
    assert!(set("source", "").starts_with("data.source: \"\" is neither"));
    assert_eq!(set("width", "9"), "network.width: 9 is not in range: 1 to 8");
    assert!(set("residual_scale", "nan").starts_with("network.residual_scale: NaN"));
    assert!(set("erase", "2").starts_with("training.augmentation: "));
}

#[test]
fn a_file_need_not_be_complete_to_be_laid_over() {
    let mut config = Config::paper();
    let file = "network.dropout = 0\n[training]\nclass_weights = [1, 2]\n\
                schedule = { warmup_epochs = 2, kind = \"cosine\" }";
    config.overlay(file, "my.toml").unwrap();
    assert_eq!(config.network.inception().unwrap().dropout, 0.0);
    assert_eq!(config.training.class_weights, ClassWeights::List(vec![1.0, 2.0]));
    let cosine = Schedule::Cosine { learning_rate: 1e-3, warmup_epochs: 2.0, floor: 0.0 };
    assert_eq!(config.training.schedule, cosine);
}

#[test]
fn a_broken_file_changes_nothing() {
    let error = |file: &str| {
        let mut config = Config::paper();
        let error = config.overlay(file, "my.toml").unwrap_err().to_string();
        assert_eq!(config, Config::paper());
        assert!(!error.contains('\n'), "{error}");
        error
    };
    let unknown = error("[training]\nepochs = 3\nbacth = 4");
    assert_eq!(unknown, "my.toml: training.bacth: no such field; the nearest is training.batch");
    // Short names are for the command line; a file says where a field belongs.
    assert!(error("batch = 4").contains("my.toml: batch: no such field"));
    assert!(error("training = 4").contains("no such field"));
    assert!(error("\"a\\nb\" = 4").contains("a\\nb: no such field"));
    assert!(error("[training]\nepochs = = 3").starts_with("my.toml:2: "));
}

#[test]
fn a_run_wants_a_complete_file() {
    let text = Config::paper().to_toml();
    let error = |text: &str| Config::parse(text, "config.toml").unwrap_err().to_string();
    let missing = error(&text.replace("epochs = 40\n", ""));
    assert!(missing.contains("missing field `epochs`"), "{missing}");
    let unknown = error(&text.replace("epochs = 40\n", "epochs = 40\npatience = 3\n"));
    assert!(unknown.contains("unknown field `patience`"), "{unknown}");
    let foreign = error(&text.replace("kind = \"plateau\"", "kind = \"constant\""));
    assert!(foreign.contains("unknown field `cooldown`, expected `learning_rate`"), "{foreign}");
    let senseless = error(&text.replace("epochs = 40\n", "epochs = 0\n"));
    assert_eq!(senseless, "config.toml: training.epochs: 0 is not at least 1");
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}", path in "[a-z._]{0,30}") {
        let _ = Config::parse(&text, "x");
        let _ = Config::swift().overlay(&text, "x");
        let _ = Config::swift().set(&path, &text);
        for (field, _) in Config::all_fields() {
            let mut config = Config::swift();
            if config.set(field, &text).is_ok() && config.check().is_ok() {
                prop_assert_eq!(Config::parse(&config.to_toml(), "x").unwrap(), config);
            }
        }
    }

    #[test]
    fn numbers_survive_being_written(rate in 1e-300_f64..1e300, seed in 0_u64..1 << 63) {
        let mut config = Config::swift();
        config.set("learning_rate", &rate.to_string()).unwrap();
        config.training.seed = seed;
        let read = Config::parse(&config.to_toml(), "x").unwrap();
        prop_assert_eq!(read.training.schedule.base_learning_rate(), rate);
        prop_assert_eq!(read.training.seed, seed);
    }
}

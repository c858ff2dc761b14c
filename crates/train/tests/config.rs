//! Configurations: complete presets, fields set one by one, and errors with a reason.

use std::path::Path;

use modiste_spec::engine::{Adam, Optimiser};
use modiste_spec::{Architecture, InceptionResNet, Range, Shape};
use modiste_train::{ClassWeights, Config, FIELDS, PRESETS, Schedule, rate_warning};
use proptest::prelude::*;

fn error_of(path: &str, value: &str) -> String {
    let mut config = Config::paper();
    let error = config.set(path, value).unwrap_err().to_string();
    assert_eq!(config, Config::paper(), "a refused value changed the configuration");
    error
}

fn check_error(change: impl FnOnce(&mut Config)) -> String {
    let mut config = Config::paper();
    change(&mut config);
    config.check().unwrap_err().to_string()
}

fn inception(config: &mut Config) -> &mut InceptionResNet {
    match &mut config.network {
        Architecture::InceptionResnet(settings) => settings,
        other => panic!("{other:?} is another architecture"),
    }
}

#[test]
fn presets_are_valid_and_survive_a_round_trip() {
    for preset in PRESETS {
        let config = Config::preset(preset.name).unwrap();
        config.check().unwrap();
        assert_eq!(Config::parse(&config.to_toml(), "config.toml").unwrap(), config);
    }
    let error = Config::preset("quick").unwrap_err().to_string();
    assert_eq!(
        error,
        "preset: \"quick\" does not exist; available: swift, small, light, paper, cnn, mlp"
    );
}

#[test]
fn the_preset_paper_has_the_paper_s_values() {
    let paper = Config::paper();
    let network = paper.network.inception().unwrap();
    assert_eq!((network.length, network.width, network.dropout), (4, 5, 0.3));
    assert_eq!((network.stem_stride, paper.training.epochs), (1, 40));
    assert_eq!(paper.training.schedule.kind(), "plateau");
    assert_eq!(paper.training.schedule.base_learning_rate(), 1e-3);
    assert_eq!(paper.training.optimiser, Optimiser::Adam(Adam::default()));
}

/// The dotted path of every field in a file.
fn leaves(prefix: &str, table: &toml::Table) -> Vec<String> {
    let leaf = |(key, value): (&String, &toml::Value)| match value {
        toml::Value::Table(inner) => leaves(&format!("{prefix}{key}."), inner),
        _ => vec![format!("{prefix}{key}")],
    };
    table.iter().flat_map(leaf).collect()
}

#[test]
fn every_value_of_every_architecture_is_a_field() {
    let mut known: Vec<&str> = Vec::new();
    let schedules = Schedule::KINDS.map(|kind| ("training.schedule.kind", kind));
    let architectures = Architecture::KINDS.map(|kind| ("network.architecture", kind));
    let optimisers = Optimiser::KINDS.map(|kind| ("training.optimiser.kind", kind));
    for (path, kind) in schedules.into_iter().chain(architectures).chain(optimisers) {
        let mut config = Config::paper();
        config.set(path, kind).unwrap();
        let mut expected = leaves("", &toml::Table::try_from(&config).unwrap());
        let mut paths: Vec<&str> = config.settings().iter().map(|setting| setting.path).collect();
        known.extend(&paths);
        expected.sort();
        paths.sort();
        assert_eq!(paths, expected, "{kind}");
    }
    for field in FIELDS {
        assert!(known.contains(&field.path), "{} belongs to no kind", field.path);
        assert!(!field.doc.is_empty() && !field.doc.ends_with('.'), "{}", field.path);
    }
}

#[test]
fn files_without_an_architecture_have_the_papers_network() {
    let text = Config::paper().to_toml();
    assert!(!text.contains("architecture"), "{text}");
    let with =
        |kind: &str| text.replace("[network]", &format!("[network]\narchitecture = {kind:?}"));
    assert_eq!(Config::parse(&with("inception_resnet"), "config.toml").unwrap(), Config::paper());
    let unknown = with("vgg");
    let error = Config::parse(&unknown, "config.toml").unwrap_err().to_string();
    assert!(
        error.contains("\"vgg\" is not one of inception_resnet, residual, wide_resnet, cnn, mlp"),
        "{error}"
    );
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
    let kinds = "\"vgg\" is not one of inception_resnet, residual, wide_resnet, cnn, mlp";
    assert_eq!(error, format!("network.architecture: {kinds}"));
    config.set("architecture", "mlp").unwrap();
    config.check().unwrap();
}

#[test]
fn every_field_takes_its_own_value() {
    for preset in PRESETS {
        for kind in Schedule::KINDS {
            let mut config = preset.config();
            config.set("training.schedule.kind", kind).unwrap();
            let mut copy = config.clone();
            for setting in config.settings() {
                copy.set(setting.path, &setting.value).unwrap();
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
fn errors_of_unknown_fields_suggest_the_nearest() {
    let unknown = error_of("training.bacth", "64");
    assert_eq!(unknown, "training.bacth: no such field; the nearest is training.batch");
    let short = error_of("epoch", "64");
    assert_eq!(short, "epoch: no such field; the nearest is training.epochs");
    assert!(error_of("", "1").contains("no such field"));
    let several = "patience: is ambiguous; give the whole path: training.schedule.patience or \
                   training.early_stopping.patience";
    assert_eq!(error_of("patience", "3"), several);
}

#[test]
fn errors_of_wrong_values_say_what_is_allowed() {
    let batch = |value| error_of("batch", value);
    assert_eq!(batch("many"), "training.batch: \"many\" is not a whole number from 1 up");
    assert_eq!(batch("-1"), "training.batch: -1 is not a whole number from 1 up");
    assert_eq!(batch("2.5"), "training.batch: \"2.5\" is not a whole number from 1 up");
    assert!(batch("99999999999999999999").contains("is not a whole number"));
    assert_eq!(
        error_of("dropout", "high"),
        "network.dropout: \"high\" is not a number from 0 to below 1"
    );
    assert_eq!(error_of("flip", "yes"), "training.augmentation.flip: \"yes\" is not true or false");
    let places = error_of("dropout_places", "input,roof");
    let list = "is not a comma-separated list of input, blocks, reduction, dense";
    assert_eq!(places, format!("network.dropout_places: \"input,roof\" {list}"));
    let weights = error_of("class_weights", "1,two");
    assert!(
        weights.ends_with("\"1,two\" is not none, balanced or comma-separated numbers from 0 up")
    );
    let kind = error_of("schedule.kind", "linear");
    let kinds = "\"linear\" is not one of constant, plateau, cosine, one_cycle";
    assert_eq!(kind, format!("training.schedule.kind: {kinds}"));
    let select = error_of("select_by", "auroc");
    assert_eq!(select, "training.select_by: \"auroc\" is not one of accuracy, loss");
}

#[test]
fn settings_without_effect_are_refused() {
    let warmup = error_of("warmup_epochs", "2");
    assert_eq!(warmup, "training.schedule.warmup_epochs: has no effect on the schedule plateau");
    let seed = check_error(|c| c.data.split_seed = 1);
    assert_eq!(seed, "data.split_seed: 1 has no effect on the split full");
    let delta = check_error(|c| c.training.early_stopping.min_delta = 0.1);
    assert!(delta.ends_with("min_delta: 0.1 has no effect while patience is 0"), "{delta}");
    let places = check_error(|c| inception(c).dropout_places.clear());
    assert_eq!(places, "network.dropout: 0.3 has no effect without network.dropout_places");
}

#[test]
fn values_out_of_range_are_refused() {
    assert_eq!(error_of("epochs", "0"), "training.epochs: 0 is not a whole number from 1 up");
    let smoothing = error_of("label_smoothing", "1");
    assert_eq!(smoothing, "training.label_smoothing: 1.0 is not a number from 0 to below 1");
    assert!(error_of("learning_rate", "NaN").ends_with("nan is not a number above 0"));
    assert!(error_of("factor", "1").ends_with("1.0 is not a number above 0 and below 1"));
    assert!(error_of("beta2", "1").starts_with("training.optimiser.beta2: 1"));
    assert!(error_of("class_weights", "1,-1").contains("numbers from 0 up"));
    assert_eq!(error_of("width", "9"), "network.width: 9 is not a whole number from 1 to 8");
    assert!(error_of("residual_scale", "nan").ends_with("nan is not a finite number"));
    assert!(error_of("erase", "2").ends_with("2.0 is not a number from 0 to 1"));
}

#[test]
fn values_that_do_not_fit_each_other_are_refused() {
    let set = |path: &str, value: &str| {
        let mut config = Config::paper();
        config.set(path, value).unwrap();
        config.check().unwrap_err().to_string()
    };
    assert!(set("floor", "0.1").ends_with("0.1 is above the learning rate 0.001"));
    assert!(set("class_weights", "0,0").contains("at least one of them above 0"));
    assert!(set("split", "half").starts_with("data.split: \"half\" is not a split"));
    assert!(set("source", "").starts_with("data.source: \"\" is neither"));
    assert!(set("alternating_flip", "true").starts_with("training.augmentation: "));
}

/// A program can set members directly, without the check of their range.
#[test]
fn a_configuration_out_of_range_does_not_pass_the_check() {
    let range = "is not a whole number from 1 up";
    assert_eq!(check_error(|c| c.training.batch = 0), format!("training.batch: 0 {range}"));
    let width = check_error(|c| inception(c).width = 9);
    assert_eq!(width, "network.width: 9 is not a whole number from 1 to 8");
    let broken = Adam { epsilon: f64::NAN, ..Adam::default() };
    let rate = check_error(|c| c.training.optimiser = Optimiser::Adam(broken));
    assert_eq!(rate, "training.optimiser.epsilon: nan is not a number above 0");
    let seed = check_error(|c| c.training.seed = u64::MAX);
    assert_eq!(seed, "configuration: a whole number in it is above 9223372036854775807");
}

/// The ends of every range give a network or schedule that can be built; values beyond do not.
#[test]
fn ranges_agree_with_the_network_builders() {
    let image = Shape::new(64, 64, 1);
    for kind in Architecture::KINDS {
        let mut config = Config::light();
        config.set("architecture", kind).unwrap();
        for field in FIELDS.iter().filter(|field| config.value(field.path).is_some()) {
            let (true, Range::Whole(from, to)) = (field.path.starts_with("network."), field.range)
            else {
                continue;
            };
            for (value, fits) in [(from, true), (to, true), (to + 1, false)] {
                let mut table = toml::Table::try_from(&config.network).unwrap();
                table.insert(field.key().into(), toml::Value::Integer(value as i64));
                let network: Architecture = table.try_into().unwrap();
                let built = network.network(image, 2);
                // The widest networks may be over the size limit, which is another rule.
                let large =
                    built.as_ref().is_err_and(|e| e.to_string().contains("more than the limit"));
                assert_eq!(built.is_ok() || large, fits, "{} = {value}: {built:?}", field.path);
            }
        }
    }
}

/// Configurations of recorded runs are read and written back, byte for byte.
#[test]
fn recorded_configurations_are_written_back_the_same() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("config.toml") {
                let text = std::fs::read_to_string(&path).unwrap();
                let config = Config::parse(&text, "config.toml").unwrap();
                assert!(config.to_toml() == text, "{}:\n{}", path.display(), config.to_toml());
                read += 1;
            }
        }
    }
    assert!(read > 10, "{read} configurations");
}

#[test]
fn an_incomplete_file_can_override_a_configuration() {
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
fn every_preset_trains_for_any_number_of_epochs() {
    for preset in PRESETS {
        let mut config = preset.config();
        config.check().unwrap();
        config.training.epochs = 1;
        config.check().unwrap();
    }
    let mut config = Config::swift();
    config.set("warmup_epochs", "13").unwrap();
    let error = config.check().unwrap_err().to_string();
    assert_eq!(error, "training.schedule.warmup_epochs: 13 is above the 12 epochs");
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
    // Short names are for the command line; a file needs full paths.
    assert!(error("batch = 4").contains("my.toml: batch: no such field"));
    assert!(error("training = 4").contains("no such field"));
    assert!(error("\"a\\nb\" = 4").contains("a\\nb: no such field"));
    assert!(error("[training]\nepochs = = 3").starts_with("my.toml:2: "));
}

#[test]
fn a_run_needs_a_complete_file() {
    let text = Config::paper().to_toml();
    let error = |text: &str| Config::parse(text, "config.toml").unwrap_err().to_string();
    let missing = error(&text.replace("epochs = 40\n", ""));
    assert_eq!(missing, "config.toml: training.epochs: is missing");
    let unknown = error(&text.replace("epochs = 40\n", "epochs = 40\npatience = 3\n"));
    let nearest = "no such field; the nearest is training.schedule.patience";
    assert!(unknown.starts_with(&format!("config.toml: training.patience: {nearest}; modiste ")));
    assert!(unknown.ends_with("if a newer version wrote the file, that one reads it"), "{unknown}");
    let table = error(&(text.clone() + "\n[training.optimizer]\n"));
    assert!(table.starts_with("config.toml: training.optimizer: no such field"), "{table}");
    let quoted = error(&text.replace("epochs = 40", "epochs = \"40\""));
    assert!(quoted.ends_with("epochs: \"40\" is not a whole number from 1 up"), "{quoted}");
    let foreign = error(&text.replace("kind = \"plateau\"", "kind = \"constant\""));
    assert!(
        foreign.ends_with("training.schedule.cooldown: has no effect on the schedule constant")
    );
    let senseless = error(&text.replace("epochs = 40\n", "epochs = 0\n"));
    assert_eq!(senseless, "config.toml: training.epochs: 0 is not a whole number from 1 up");
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}", path in "[a-z._]{0,30}") {
        let _ = Config::parse(&text, "x");
        let _ = Config::light().overlay(&text, "x");
        let _ = Config::light().set(&path, &text);
        for field in FIELDS {
            let mut config = Config::light();
            if config.set(field.path, &text).is_ok() && config.check().is_ok() {
                prop_assert_eq!(Config::parse(&config.to_toml(), "x").unwrap(), config);
            }
        }
    }

    #[test]
    fn numbers_survive_a_round_trip(rate in 1e-300_f64..1e300, seed in 0_u64..1 << 63) {
        let mut config = Config::light();
        config.set("learning_rate", &rate.to_string()).unwrap();
        config.training.seed = seed;
        let read = Config::parse(&config.to_toml(), "x").unwrap();
        prop_assert_eq!(read.training.schedule.base_learning_rate(), rate);
        prop_assert_eq!(read.training.seed, seed);
    }
}

#[test]
fn a_learning_rate_for_sgd_gives_a_warning_with_adam() {
    const RATE: &str = "training.schedule.learning_rate";
    let warned = |settings: &[(&str, &str)]| {
        let mut config = Config::swift();
        settings.iter().for_each(|(field, value)| config.set(field, value).unwrap());
        rate_warning(&config)
    };
    assert_eq!(warned(&[]), None);
    assert_eq!(warned(&[("training.optimiser.kind", "adam"), (RATE, "0.002")]), None);
    let line = "a learning rate of 0.1 is high for adam; --lr 0.001 to 0.01 is usual";
    assert_eq!(warned(&[("training.optimiser.kind", "adam")]).as_deref(), Some(line));
}

//! Compares the predictor with its parts: engine, softmax, thresholds.

use modiste_cpu::{CpuEngine, CpuOptions};
use modiste_data::photo::Preparation;
use modiste_data::{Images, Source, load, mirror};
use modiste_metrics::{Confidence, Rejection, softmax_at};
use modiste_model::{EpochMetrics, Model, ModelConfidence, Provenance};
use modiste_model::{Options, Predictor, Reject};
use modiste_spec::engine::{State, Weights};
use modiste_spec::{Engine, InceptionResNet, Shape};

/// A model with initial parameters, whose answers are arbitrary but always the same.
fn model(confidence: Option<ModelConfidence>) -> Model {
    let network = InceptionResNet { length: 1, width: 1, stem_stride: 4, ..Default::default() };
    let network = network.network(Shape::new(28, 28, 1), 10).unwrap();
    let chosen = EpochMetrics {
        epoch: 1,
        learning_rate: 0.0,
        train_loss: 0.0,
        train_accuracy: 0.0,
        validation_loss: Some(0.0),
        validation_accuracy: Some(0.0),
        validation_auroc: None,
        current: None,
    };
    Model {
        parameters: State::initial(&network, 5).parameters,
        network,
        classes: (0..10).map(|class| format!("class {class}")).collect(),
        config: String::new(),
        provenance: Provenance {
            modiste: String::new(),
            data: String::new(),
            split: String::new(),
            data_checksum: 0,
            chosen,
        },
        confidence,
        preparation: Preparation { garments: true, ..Preparation::of(Shape::new(28, 28, 1)) },
    }
}

fn confidence(temperature: f64, threshold: f64) -> Confidence {
    let rule = |target| Rejection { target, threshold, coverage: 0.5, accuracy: target };
    Confidence { images: 10, temperature, rejection: vec![rule(0.9), rule(0.98)] }
}

fn both() -> Option<ModelConfidence> {
    Some(ModelConfidence { plain: confidence(0.01, 0.2), mirrored: confidence(0.02, 0.3) })
}

fn engine(model: &Model) -> CpuEngine {
    let options = CpuOptions { threads: 1, batch: 4, ..Default::default() };
    CpuEngine::new(&model.network, options).unwrap()
}

fn predictor(confidence: Option<ModelConfidence>, options: Options) -> Predictor<CpuEngine> {
    let model = model(confidence);
    let engine = engine(&model);
    Predictor::new(model, engine, options).unwrap()
}

fn images() -> Images {
    let data = load(&Source::Embedded, &"paper".parse().unwrap(), 0).unwrap();
    data.validation.images.select(&[0, 1, 2, 3, 4, 5, 6])
}

#[test]
fn answers_are_the_softmax_of_logits_at_the_temperature() {
    let (images, model) = (images(), model(both()));
    let mut plain = engine(&model);
    plain.load_state(&model.state()).unwrap();
    let mut turned = images.pixels.clone();
    mirror(&mut turned, images.shape);
    let logits = plain.predict(&images.pixels, Weights::Current).unwrap();
    let other = plain.predict(&turned, Weights::Current).unwrap();
    assert_ne!(logits, other);
    let means: Vec<f32> = logits.iter().zip(&other).map(|(a, b)| (a + b) / 2.0).collect();
    for (mirrored, expected, temperature) in [(false, logits, 0.01), (true, means, 0.02)] {
        let options = Options { mirror: mirrored, ..Options::default() };
        let mut predictor = predictor(both(), options);
        assert_eq!((predictor.temperature(), predictor.threshold()), (temperature, None));
        let answers = predictor.answers(&images.pixels).unwrap();
        assert_eq!(answers.len(), 7);
        for (answer, row) in answers.iter().zip(expected.chunks_exact(10)) {
            assert_eq!(answer.probabilities, softmax_at(row, temperature));
            assert!(answer.probabilities.iter().all(|&p| p <= answer.probability));
            assert_eq!(answer.top(1), [(answer.class, answer.probability)]);
        }
    }
}

#[test]
fn thresholds_come_from_the_model_or_the_options() {
    let options = |reject, mirror| Options { reject, mirror, ..Options::default() };
    let threshold = |reject, mirror| predictor(both(), options(reject, mirror)).threshold();
    assert_eq!(threshold(Reject::Accuracy(0.95), false), Some(0.2));
    assert_eq!(threshold(Reject::Accuracy(0.98), true), Some(0.3));
    assert_eq!(threshold(Reject::Under(0.7), true), Some(0.7));
    let mut all = predictor(both(), options(Reject::Under(1.1), false));
    assert!(all.answers(&images().pixels).unwrap().iter().all(|answer| answer.rejected));
    let refused = |confidence, reject| {
        let model = model(confidence);
        let engine = engine(&model);
        Predictor::new(model, engine, options(reject, false)).err().unwrap().to_string()
    };
    let text = refused(None, Reject::Accuracy(0.98));
    assert!(text.starts_with("the model has no thresholds"), "{text}");
    let text = refused(both(), Reject::Accuracy(0.999));
    assert!(text.contains("the highest possible is 0.98"), "{text}");
}

#[test]
fn a_model_without_a_temperature_answers_at_temperature_one() {
    let images = images();
    let mut predictor = predictor(None, Options::default());
    let logits = predictor.logits(images.get(0)).unwrap();
    let answers = predictor.answers(images.get(0)).unwrap();
    assert_eq!(answers[0].probabilities, softmax_at(&logits, 1.0));
    assert!(predictor.answers(&images.pixels[1..]).is_err());
}

#[test]
fn a_picture_file_is_prepared_and_answered() {
    let images = images();
    let mut file = Vec::new();
    {
        let mut encoder = png::Encoder::new(&mut file, 28, 28);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(images.get(3)).unwrap();
    }
    let mut predictor = predictor(None, Options::default());
    let (answer, prepared) = predictor.picture(&file, "coat.png").unwrap();
    assert_eq!(prepared.pixels, images.get(3));
    assert_eq!(answer, predictor.answers(images.get(3)).unwrap()[0]);
    assert_eq!(predictor.class(&answer), format!("class {}", answer.class));
    let error = predictor.picture(b"no picture", "coat.png").unwrap_err().to_string();
    assert!(error.starts_with("coat.png: is not a PNG"), "{error}");
}

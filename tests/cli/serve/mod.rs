//! `modiste serve`: the real binary on a free port.

mod attack;
mod description;
mod faults;
mod http;
mod json;
mod limits;
mod listen;
mod origin;
mod reload;
mod stop;

use modiste_metrics::softmax_at;
use serde_json::Value;

use crate::util::{Folder, bytes};
use http::{DATA, MODELS, Server, png};

/// Probabilities of the first prediction by class.
fn probabilities(json: &Value) -> Vec<(String, f64)> {
    let classes = json["predictions"][0]["classes"].as_array().unwrap();
    let pair = |class: &Value| {
        (class["class"].as_str().unwrap().to_owned(), class["probability"].as_f64().unwrap())
    };
    classes.iter().map(pair).collect()
}

#[test]
fn answers_are_those_of_evaluate() {
    let server = Server::start(&[]);
    let folder = Folder::new();
    std::fs::write(folder.path("model.safetensors"), &MODELS[0]).unwrap();
    folder.run(&["evaluate", "model.safetensors", "--logits", "logits.json"]).expect(0);
    let logits: Value = serde_json::from_slice(&bytes(&folder.path("logits.json"))).unwrap();
    let images: Vec<&[u8]> = (0..20).map(|i| DATA.validation.images.get(i)).collect();
    let json = server.predict(&images).expect(200).json();
    let about = server.get("/v1/model").expect(200).json();
    let temperature = about["temperature"].as_f64().unwrap();
    for (i, prediction) in json["predictions"].as_array().unwrap().iter().enumerate() {
        let row = logits["logits"][i].as_array().unwrap().iter();
        let row: Vec<f32> = row.map(|logit| logit.as_f64().unwrap() as f32).collect();
        let expected = softmax_at(&row, temperature).into_iter().fold(0.0, f64::max);
        let given = prediction["probability"].as_f64().unwrap();
        assert!((given - expected).abs() < 1e-5, "image {i}: {given}, not {expected}");
        assert_eq!(prediction["name"], format!("image {i}"));
    }
}

#[test]
fn pixels_pictures_and_forms_are_the_same_images() {
    let server = Server::start(&[]);
    let [first, second] = [0, 1].map(|i| DATA.validation.images.get(i));
    let by_pixels = server.predict(&[first]).expect(200).json();
    let [picture, other] = [first, second].map(|pixels| png(28, 28, pixels));
    for kind in ["image/png", "application/octet-stream"] {
        let json = server.post("/v1/predict", kind, &picture).expect(200).json();
        assert_eq!(probabilities(&json), probabilities(&by_pixels), "{kind}");
    }
    let mut form = Vec::new();
    for (name, file) in [("a.png", &picture), ("b.png", &other)] {
        let head = format!(
            "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        form.extend([head.as_bytes(), file, b"\r\n"].concat());
    }
    form.extend(b"--x--\r\n");
    let kind = "multipart/form-data; boundary=x";
    let json = server.post("/v1/predict?pixels=true&top_k=10", kind, &form).expect(200).json();
    assert_eq!(probabilities(&json), probabilities(&by_pixels));
    let predictions = json["predictions"].as_array().unwrap();
    let names: Vec<_> = predictions.iter().map(|prediction| &prediction["name"]).collect();
    assert_eq!(names, ["a.png", "b.png"]);
    assert_eq!(predictions[1]["pixels"], serde_json::json!(second));
}

#[test]
fn fewer_classes_and_none_of_these() {
    let server = Server::start(&[]);
    let ask = |query: &str| {
        let body = http::pixels_body(&[DATA.validation.images.get(0)]);
        server.post(&format!("/v1/predict{query}"), "application/json", &body)
    };
    let all = ask("").expect(200).json();
    let probability = all["predictions"][0]["probability"].as_f64().unwrap();
    assert!((probabilities(&all).iter().map(|p| p.1).sum::<f64>() - 1.0).abs() < 1e-9);
    let few = ask("?top_k=3&threshold=0").expect(200).json();
    assert_eq!(probabilities(&few), probabilities(&all)[..3]);
    assert!(few["predictions"][0]["class"].is_string());
    let none = ask(&format!("?threshold={}", probability + 1e-6)).expect(200).json();
    assert!(none["predictions"][0]["class"].is_null(), "{none}");
    ask("?top_k=0").expect_error(400, "top_k");
    ask("?top_k=11").expect_error(400, "1 to 10");
    ask("?threshold=NaN").expect_error(400, "threshold");
    ask("?background=pink").expect_error(400, "background");
    ask("?colour=red").expect_error(400, "known parameters: top_k");
}

#[test]
fn a_large_photograph_is_fitted() {
    let server = Server::start(&[]);
    // A grey object on a white background, 300 x 400 pixels.
    let inside = |x: usize, y: usize| (100..200).contains(&x) && (60..260).contains(&y);
    let pixel = |i: usize| if inside(i % 400, i / 400) { 90 } else { 255 };
    let picture = png(400, 300, &(0..400 * 300).map(pixel).collect::<Vec<u8>>());
    let json = server.post("/v1/predict?pixels=true", "image/png", &picture).expect(200).json();
    let prediction = &json["predictions"][0];
    assert!(prediction["note"].as_str().unwrap().contains("inverted"), "{prediction}");
    let seen = prediction["pixels"].as_array().unwrap();
    assert_eq!((seen.len(), &seen[0]), (784, &Value::from(0)));
    assert_eq!(seen[14 * 28 + 14], 165);
}

#[test]
fn a_class_is_explained() {
    let server = Server::start(&[]);
    let picture = png(28, 28, DATA.validation.images.get(3));
    let ask = |query: &str| server.post(&format!("/v1/explain{query}"), "image/png", &picture);
    let predicted = server.post("/v1/predict", "image/png", &picture).expect(200).json();
    let json = ask("").expect(200).json();
    assert_eq!(json["class"], predicted["predictions"][0]["class"]);
    assert_eq!(json["prediction"]["classes"], predicted["predictions"][0]["classes"]);
    let values = |json: &Value| -> Vec<f64> {
        json["heat"]["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    assert_eq!(values(&json).len(), 784);
    assert!(values(&json).iter().all(|value| (0.0..=1.0).contains(value)));
    // Another class has another map, and a class that does not exist has none.
    let maps = ["Bag", "Trouser", "Sandal", "Coat", "Dress", "Pullover", "Sneaker"].map(|class| {
        let json = ask(&format!("?class={class}")).expect(200).json();
        assert_eq!(json["class"], class);
        values(&json)
    });
    assert!(maps.iter().any(|map| *map != maps[0]));
    ask("?class=Hat").expect_error(400, "Ankle boot");
    let two = http::pixels_body(&[&[0; 784], &[0; 784]]);
    server.post("/v1/explain", "application/json", &two).expect_error(400, "2 images");
}

#[test]
fn the_card_is_the_evaluation() {
    let server = Server::start(&[]);
    http::until("the card", || server.get("/v1/evaluation").status != 503);
    let card = server.get("/v1/evaluation").expect(200).json();
    let folder = Folder::new();
    std::fs::write(folder.path("model.safetensors"), &MODELS[0]).unwrap();
    let said = folder.run(&["evaluate", "model.safetensors", "--json"]).expect(0).json();
    assert_eq!(card["evaluation"]["confusion"], said["confusion"]);
    assert_eq!((&card["part"], &card["split"]), (&"validation".into(), &"120/40/20".into()));
    let mistake = &card["mistakes"][0];
    let index = mistake["index"].as_u64().unwrap() as usize;
    assert_eq!(mistake["pixels"], serde_json::json!(DATA.validation.images.get(index)));
    let server = Server::start(&["--no-card"]);
    http::until("no card", || server.get("/v1/evaluation").status != 503);
    server.get("/v1/evaluation").expect_error(404, "without the card");
}

#[test]
fn what_cannot_be_served_is_said_in_one_line() {
    let folder = Folder::new();
    folder.run(&["serve", "nothing.safetensors"]).expect_error(1, &["nothing.safetensors"]);
    std::fs::write(folder.path("garbage"), "no model").unwrap();
    folder.run(&["serve", "garbage"]).expect_error(1, &["garbage"]);
    let server = Server::start(&[]);
    let taken = server.address.clone();
    let said = server.folder.run(&["serve", "model.safetensors", "--listen", &taken]);
    said.expect_error(1, &[&taken, "failed to listen"]);
    for (args, text) in
        [(["--max-images", "2000"], "--queue 1024"), (["--max-body", "100000000"], "--max-bodies")]
    {
        let said = server.folder.run(&[&["serve", "model.safetensors"], &args[..]].concat());
        said.expect_error(2, &[text]);
    }
}

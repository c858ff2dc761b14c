//! Pixels and pictures as JSON, and several pictures of which some are bad.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::http::{DATA, Server, png};

fn ask(server: &Server, images: Value) -> super::http::Response {
    let body = json!({ "images": images }).to_string();
    server.post("/v1/predict?pixels=true", "application/json", body.as_bytes())
}

#[test]
fn every_way_to_write_an_image_is_the_same_image() {
    let server = Server::start(&["--no-card"]);
    let pixels = DATA.validation.images.get(5);
    let rows: Vec<&[u8]> = pixels.chunks(28).collect();
    let columns: Vec<Vec<[u8; 1]>> =
        rows.iter().map(|row| row.iter().map(|&value| [value]).collect()).collect();
    let shares: Vec<f64> = pixels.iter().map(|&value| f64::from(value) / 255.0).collect();
    let share_rows: Vec<&[f64]> = shares.chunks(28).collect();
    let whole: Vec<f64> = pixels.iter().map(|&value| f64::from(value)).collect();
    let text = STANDARD.encode(png(28, 28, pixels));
    let url = format!("data:image/png;base64,{text}");
    let flat = ask(&server, json!([pixels])).expect(200).json();
    assert_eq!(flat["predictions"][0]["pixels"], json!(pixels));
    for image in [
        json!(rows),
        json!(columns),
        json!(shares),
        json!(share_rows),
        json!(whole),
        json!(text),
        json!(url),
    ] {
        let said = ask(&server, json!([image])).expect(200).json();
        let [prediction, expected] = [&said, &flat].map(|json| &json["predictions"][0]);
        assert_eq!(prediction["pixels"], expected["pixels"], "{image}");
        assert_eq!(prediction["classes"], expected["classes"], "{image}");
    }
    let said = ask(&server, json!([shares])).expect(200).json();
    assert!(said["predictions"][0]["note"].as_str().unwrap().contains("255"), "{said}");
}

#[test]
fn the_good_ones_of_several_are_answered() {
    let server = Server::start(&["--no-card"]);
    let pixels = DATA.validation.images.get(5);
    let picture = STANDARD.encode(png(28, 28, pixels));
    let half = STANDARD.encode(&png(28, 28, pixels)[..80]);
    let images = json!([[1, 2], picture, "secret", half, pixels, null, [300, "secret"]]);
    let said = ask(&server, images).expect(200).json();
    let predictions = said["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 7);
    let alone = ask(&server, json!([pixels])).expect(200).json();
    for (i, prediction) in predictions.iter().enumerate() {
        assert_eq!(prediction["name"], format!("image {i}"));
        if [1, 4].contains(&i) {
            assert_eq!(prediction["classes"], alone["predictions"][0]["classes"], "{i}");
        } else {
            let error = prediction["error"].as_str().unwrap();
            assert!(error.starts_with(&format!("image {i}")), "{error}");
            assert!(!error.contains("secret") && prediction["class"].is_null(), "{error}");
        }
    }
    let none = ask(&server, json!([[1], "secret"])).expect_error(400, "image 0 has 1 values");
    assert!(!none.text().contains("secret"));
}

#[test]
fn the_good_ones_of_a_form_are_answered() {
    let server = Server::start(&["--no-card"]);
    let good = png(28, 28, DATA.validation.images.get(5));
    let mut form = Vec::new();
    for (name, file) in [("bad.png", &b"no picture"[..]), ("good.png", &good), ("empty.png", b"")] {
        let head = format!(
            "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        form.extend([head.as_bytes(), file, b"\r\n"].concat());
    }
    form.extend(b"--x--\r\n");
    let kind = "multipart/form-data; boundary=x";
    let said = server.post("/v1/predict", kind, &form).expect(200).json();
    let of = |i: usize, field: &str| said["predictions"][i][field].as_str().map(str::to_owned);
    assert_eq!(of(0, "name").unwrap(), "bad.png");
    assert!(of(0, "error").unwrap().contains("image 0: is not a PNG"), "{said}");
    assert_eq!(of(1, "name").unwrap(), "good.png");
    assert!(of(1, "class").is_some() && of(1, "error").is_none(), "{said}");
    assert!(of(2, "error").unwrap().contains("is empty"), "{said}");
}

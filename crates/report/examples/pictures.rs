//! temp
use modiste_metrics::evaluate;
fn main() {
    let names10: Vec<String> = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]
    .map(String::from)
    .to_vec();
    for k in [2usize, 10, 20, 100, 1000] {
        let names: Vec<String> = if k == 10 {
            names10.clone()
        } else {
            (0..k).map(|i| format!("Class gpqy {i}")).collect()
        };
        let stream =
            modiste_spec::random::Stream::new(1, modiste_spec::random::Purpose::Bootstrap, 1, 0);
        let n = 10_000usize.min(100 * k.max(50));
        let labels: Vec<u16> = (0..n).map(|i| (i % k) as u16).collect();
        let logits: Vec<f32> = (0..n * k)
            .map(|i| {
                stream.unit(i as u64) as f32 * 4.0
                    + if (i / k) % k == i % k { 3.3 } else { 0.0 }
                    + if (i / k) % k == 6.min(k - 1) && i % k == 0 { 2.5 } else { 0.0 }
            })
            .collect();
        let e = evaluate(&logits, &labels, &names, 1).unwrap();
        std::fs::write(
            format!("/tmp/confusion{k}.png"),
            modiste_report::confusion_png(&e).unwrap(),
        )
        .unwrap();
    }
}

//! Model files made to hang a command or exhaust memory are refused quickly, in one line that names
//! the file, with status 1.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::util::Folder;

/// A model file in parts: the header, which the tests change, and the tensors' bytes.
struct File {
    header: Value,
    data: Vec<u8>,
}

impl File {
    fn read(folder: &Folder) -> Self {
        let bytes = fs::read(folder.path("run/best.safetensors")).unwrap();
        let (length, rest) = bytes.split_at(8);
        let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        Self {
            header: serde_json::from_slice(&rest[..length]).unwrap(),
            data: rest[length..].into(),
        }
    }

    fn write(&self, folder: &Folder) {
        let header = serde_json::to_string(&self.header).unwrap();
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &self.data];
        fs::write(folder.path("hostile.safetensors"), bytes.concat()).unwrap();
    }

    fn network(&mut self, nodes: &Value) {
        self.header["__metadata__"]["network"] = Value::String(nodes.to_string());
    }

    /// Replaces the first value of the tensor whose name ends in `suffix` by `value`.
    fn spoil(&mut self, suffix: &str, value: f32) {
        let tensors = self.header.as_object().unwrap();
        let (_, tensor) = tensors.iter().find(|(name, _)| name.ends_with(suffix)).unwrap();
        let start = tensor["data_offsets"][0].as_u64().unwrap() as usize;
        self.data[start..start + 4].copy_from_slice(&value.to_le_bytes());
    }
}

fn node(name: &str, op: Value, inputs: &[usize]) -> Value {
    json!({"name": name, "op": op, "inputs": inputs})
}

/// A network of `inner` nodes between the image and a dense layer.
fn network(inner: impl IntoIterator<Item = Value>) -> Value {
    let image = json!({"input": {"shape": {"height": 28, "width": 28, "channels": 1}}});
    let mut nodes = vec![node("image", image, &[])];
    nodes.extend(inner);
    let mut add = |name: &str, op: Value| nodes.push(node(name, op, &[nodes.len() - 1]));
    add("mean", json!("global_avg_pool"));
    add("dense", json!({"dense": {"units": 10}}));
    add("probabilities", json!("softmax"));
    Value::Array(nodes)
}

fn pool(kernel: u64) -> Value {
    network([node("pool", json!({"max_pool": {"kernel": kernel, "stride": 1}}), &[0])])
}

fn relus(count: usize) -> Value {
    network((0..count).map(|i| node(&format!("n{i}"), json!("relu"), &[i])))
}

/// A network whose channels double from node to node: kilobytes that ask for gigabytes.
fn doubling() -> Value {
    network((0..40).map(|i| node(&format!("n{i}"), json!("concat"), &[i, i])))
}

#[track_caller]
fn expect_refusal(folder: &Folder, words: &[&str]) {
    for command in
        ["predict hostile.safetensors shoe.npy", "export hostile.safetensors --out x.onnx"]
    {
        let start = Instant::now();
        // Two gigabytes of address space: reading alone takes little of it.
        let said = folder.shell(&format!("ulimit -v 2000000; \"$MODISTE\" {command}"));
        said.expect_error(1, &[&["hostile.safetensors: "], words].concat());
        // Far longer than it takes, because other tests run at the same time.
        assert!(start.elapsed() < Duration::from_secs(20), "{:?} for {command}", start.elapsed());
    }
}

#[test]
fn networks_that_ask_for_too_much_are_refused() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let long_name = network([node(&"x".repeat(1_000_000), json!("relu"), &[0])]);
    for (nodes, problem) in [
        (pool(1_000_001), "setting out of range in MaxPool"),
        (pool((1 << 63) + 1), "setting out of range in MaxPool"),
        (relus(10_000), "it has more than 8192 nodes"),
        (long_name, "a name of 1000000 bytes"),
        (doubling(), "values of an image with it, more than the limit of"),
    ] {
        let mut file = File::read(&folder);
        file.network(&nodes);
        file.write(&folder);
        expect_refusal(&folder, &["metadata entry \"network\": ", problem]);
    }
}

#[test]
fn values_that_no_training_gives_are_refused() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    for (tensor, value, problem) in [
        ("dense.weight", f32::NAN, "holds NaN at position 0"),
        ("dense.bias", f32::INFINITY, "holds inf at position 0"),
        ("running_mean", f32::NEG_INFINITY, "holds -inf at position 0"),
        ("running_var", -1e-3, "holds the negative variance -0.001 at position 0"),
    ] {
        let mut file = File::read(&folder);
        file.spoil(tensor, value);
        file.write(&folder);
        expect_refusal(&folder, &[tensor, problem]);
    }
}

#[test]
fn a_million_nodes_or_tensors_are_refused() {
    let folder = Folder::new();
    folder.train(&["--out", "run"]).expect(0);
    let mut file = File::read(&folder);
    file.network(&relus(1_000_000));
    file.write(&folder);
    expect_refusal(&folder, &["is not a whole safetensors file: its header has"]);
    let mut file = File::read(&folder);
    let header = file.header.as_object_mut().unwrap();
    let end = file.data.len();
    for i in 0..1_000_000 {
        let tensor = json!({"dtype": "F32", "shape": [0], "data_offsets": [end, end]});
        header.insert(format!("t{i}"), tensor);
    }
    file.write(&folder);
    expect_refusal(&folder, &["is not a whole safetensors file: its header has"]);
}

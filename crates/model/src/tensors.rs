//! Tensors in the safetensors format, with the same bytes every time.
//!
//! The library reads files; we write them ourselves, because the library writes metadata in the order
//! of a hash map.

use std::collections::{BTreeMap, BTreeSet};

use modiste_spec::engine::Tensor;
use modiste_spec::{Parameter, ParameterKind};
use safetensors::{Dtype, SafeTensors};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::ModelError;

/// The metadata of a file's header.
pub type Metadata = BTreeMap<String, String>;

/// Header entry of one tensor.
#[derive(Serialize)]
struct Entry<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: [usize; 2],
}

/// The header: metadata first, then the tensors in order.
struct Header<'a> {
    metadata: &'a Metadata,
    tensors: &'a [(String, &'a Tensor)],
}

impl Serialize for Header<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.tensors.len()))?;
        map.serialize_entry("__metadata__", self.metadata)?;
        let mut start = 0;
        for (name, tensor) in self.tensors {
            let end = start + 4 * tensor.values.len();
            let data_offsets = [start, end];
            map.serialize_entry(name, &Entry { dtype: "F32", shape: &tensor.shape, data_offsets })?;
            start = end;
        }
        map.end()
    }
}

/// Builds a safetensors file of `metadata` and the tensors, in order.
pub fn write(metadata: &Metadata, tensors: &[(String, &Tensor)]) -> Vec<u8> {
    let header = serde_json::to_string(&Header { metadata, tensors });
    let mut header = header.expect("names and sizes are JSON");
    // The data begins at a multiple of 8, as in the library.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let values: usize = tensors.iter().map(|(_, tensor)| tensor.values.len()).sum();
    let mut bytes = Vec::with_capacity(8 + header.len() + 4 * values);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header.as_bytes());
    for (_, tensor) in tensors {
        bytes.extend(tensor.values.iter().flat_map(|value| value.to_le_bytes()));
    }
    bytes
}

/// Longest header that is read, in bytes; the largest network's checkpoint takes half of it.
const MAX_HEADER: u64 = 1 << 25;

/// Reads a safetensors file.
pub struct Reader<'a> {
    /// The file's name, for errors.
    name: &'a str,
    metadata: Metadata,
    tensors: SafeTensors<'a>,
    /// Names of the tensors not taken yet.
    left: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    /// Reads the header and checks that it fits the file's size.
    pub fn new(bytes: &'a [u8], name: &'a str) -> Result<Self, ModelError> {
        let fail =
            |error| ModelError::file(name, format!("is not a whole safetensors file: {error}"));
        // The library would read even a very long header.
        let length = bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
        if length > MAX_HEADER {
            let problem = format!("is not a whole safetensors file: its header has {length} bytes");
            return Err(ModelError::file(name, problem));
        }
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(fail)?;
        let metadata = header.metadata().iter().flatten();
        let metadata = metadata.map(|(key, value)| (key.clone(), value.clone())).collect();
        let tensors = SafeTensors::deserialize(bytes).map_err(fail)?;
        let left = tensors.names().into_iter().map(String::from).collect();
        Ok(Self { name, metadata, tensors, left })
    }

    /// An error about this file.
    pub fn error(&self, problem: impl Into<String>) -> ModelError {
        ModelError::file(self.name, problem)
    }

    /// All metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The metadata entry `key`.
    pub fn text(&self, key: &str) -> Result<&str, ModelError> {
        let text = self.metadata.get(key).map(String::as_str);
        text.ok_or_else(|| self.error(format!("metadata entry \"{key}\" is missing")))
    }

    /// The metadata entry `key`, which is JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&self, key: &str) -> Result<T, ModelError> {
        let text = self.text(key)?;
        serde_json::from_str(text)
            .map_err(|error| self.error(format!("metadata entry \"{key}\": {error}")))
    }

    /// The metadata entry `key`, which is JSON, if there is one.
    pub fn optional_json<T: serde::de::DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<T>, ModelError> {
        self.metadata.contains_key(key).then(|| self.json(key)).transpose()
    }

    /// The prefixes of the tensors' names before the first slash.
    pub fn groups(&self) -> BTreeSet<String> {
        let groups = self.left.iter().filter_map(|name| name.split_once('/'));
        groups.map(|(group, _)| group.to_owned()).collect()
    }

    /// Takes the tensors named `prefix` plus the name of each of `parameters`, in any order.
    pub fn take<'p>(
        &mut self,
        prefix: &str,
        parameters: impl Iterator<Item = &'p Parameter>,
    ) -> Result<Vec<Tensor>, ModelError> {
        parameters.map(|parameter| self.take_one(prefix, parameter)).collect()
    }

    fn take_one(&mut self, prefix: &str, parameter: &Parameter) -> Result<Tensor, ModelError> {
        let full = format!("{prefix}{}", parameter.name);
        let fail = |problem: String| Err(self.error(format!("tensor \"{full}\" {problem}")));
        let Ok(view) = self.tensors.tensor(&full) else {
            return fail("is missing".into());
        };
        if view.dtype() != Dtype::F32 {
            return fail(format!("is of type {:?}, not F32", view.dtype()));
        }
        if view.shape() != parameter.shape {
            return fail(format!("has shape {:?}, not {:?}", view.shape(), parameter.shape));
        }
        let value = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
        let values: Vec<f32> = view.data().as_chunks().0.iter().map(value).collect();
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return fail(format!("holds {} at position {at}", values[at]));
        }
        if parameter.kind == ParameterKind::RunningVariance
            && let Some(at) = values.iter().position(|&value| value < 0.0)
        {
            return fail(format!("holds the negative variance {} at position {at}", values[at]));
        }
        self.left.remove(&full);
        Ok(Tensor { name: parameter.name.clone(), shape: parameter.shape.clone(), values })
    }

    /// Checks that every tensor was taken.
    pub fn finish(&self) -> Result<(), ModelError> {
        match self.left.first() {
            Some(name) => Err(self.error(format!("tensor {name:?} is not part of the network"))),
            None => Ok(()),
        }
    }
}

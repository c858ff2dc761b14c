//! Trained models embedded in the program, named like their presets; `docs/record.md` describes their
//! training and accuracy.

use std::path::Path;

/// Name and model file of each model.
const TRAINED: [(&str, &[u8]); 2] = [
    ("swift", include_bytes!("../trained/swift.safetensors")),
    ("small", include_bytes!("../trained/small.safetensors")),
];

/// The embedded model that `path` names, if no file or folder has that name.
pub(crate) fn trained(path: &Path) -> Option<&'static [u8]> {
    let (_, bytes) = TRAINED.iter().find(|&&(name, _)| path == Path::new(name))?;
    (!path.exists()).then_some(bytes)
}

//! Trained models that are part of the program, named as their presets: the networks whose training
//! and accuracy `docs/record.md` describes.

use std::path::Path;

/// Name and model file of each.
const TRAINED: [(&str, &[u8]); 1] = [("swift", include_bytes!("../trained/swift.safetensors"))];

/// The names of the trained models that are part of the program.
pub fn trained_names() -> impl Iterator<Item = &'static str> {
    TRAINED.iter().map(|&(name, _)| name)
}

/// The model file that `path` names if it is no file or folder, but one of [`trained_names`].
pub(crate) fn trained(path: &Path) -> Option<&'static [u8]> {
    let (_, bytes) = TRAINED.iter().find(|&&(name, _)| path == Path::new(name))?;
    (!path.exists()).then_some(bytes)
}

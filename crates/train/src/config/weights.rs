//! Weights of the classes in the loss.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::TrainError;

/// Weights of the classes in the loss; in a configuration `"none"`, `"balanced"` or a list.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassWeights {
    /// All the same.
    None,
    /// n / (classes x images of the class), as scikit-learn's `class_weight="balanced"`.
    Balanced,
    /// One number per class.
    List(Vec<f64>),
}

impl ClassWeights {
    /// The weights for training labels; `counts` gives the number of images per class and is called
    /// only if needed.
    pub(crate) fn resolve(
        &self,
        counts: impl FnOnce() -> Vec<usize>,
    ) -> Result<Option<Vec<f32>>, TrainError> {
        match self {
            Self::None => Ok(None),
            Self::Balanced => {
                let counts = counts();
                let n: usize = counts.iter().sum();
                let weight = |&count: &usize| n as f64 / (counts.len() * count.max(1)) as f64;
                Ok(Some(counts.iter().map(|count| weight(count) as f32).collect()))
            }
            Self::List(list) => {
                let classes = counts().len();
                if list.len() != classes {
                    let problem = format!("{} weights for {classes} classes", list.len());
                    return Err(TrainError::config("training.class_weights", problem));
                }
                Ok(Some(list.iter().map(|&w| w as f32).collect()))
            }
        }
    }
}

/// The form in a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "class weights are \"none\", \"balanced\" or a list of numbers")]
enum FileForm {
    Name(String),
    List(Vec<f64>),
}

impl Serialize for ClassWeights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => FileForm::Name("none".into()),
            Self::Balanced => FileForm::Name("balanced".into()),
            Self::List(list) => FileForm::List(list.clone()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match FileForm::deserialize(deserializer)? {
            FileForm::Name(name) if name == "none" => Ok(Self::None),
            FileForm::Name(name) if name == "balanced" => Ok(Self::Balanced),
            FileForm::Name(name) => Err(serde::de::Error::custom(format!(
                "class weights are \"none\", \"balanced\" or a list of numbers, not {name:?}"
            ))),
            FileForm::List(list) => Ok(Self::List(list)),
        }
    }
}

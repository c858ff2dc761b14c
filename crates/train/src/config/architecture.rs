//! The table `network` of a file: the paper's network has no field `architecture` there, so files that
//! are older than other networks stay what they were, byte for byte.

use modiste_spec::Architecture;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(super) fn serialize<S: Serializer>(network: &Architecture, to: S) -> Result<S::Ok, S::Error> {
    match network {
        Architecture::InceptionResnet(settings) => settings.serialize(to),
        Architecture::Cnn(_) | Architecture::Mlp(_) => network.serialize(to),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Architecture, D::Error> {
    let mut table = toml::Table::deserialize(from)?;
    table.entry("architecture").or_insert(Architecture::default().kind().into());
    table.try_into().map_err(|error: toml::de::Error| de::Error::custom(error.message()))
}

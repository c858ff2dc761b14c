//! Configurations as differences from a base configuration.

use std::collections::HashMap;

use modiste_train::Config;

/// A base configuration for others.
pub struct BaseConfig {
    config: Config,
    values: HashMap<&'static str, String>,
}

impl BaseConfig {
    /// Uses `config` as the base.
    pub fn new(config: &Config) -> Self {
        let values = config.settings().into_iter().map(|setting| (setting.path, setting.value));
        Self { config: config.clone(), values: values.collect() }
    }

    /// The fields that turn the base into `config`, in the order in which they can be set.
    pub fn differences(&self, config: &Config) -> Vec<(String, String)> {
        let (mut kinds, mut others) = (Vec::new(), Vec::new());
        for new in config.settings() {
            if self.values.get(new.path) != Some(&new.value) {
                let list = if Config::is_kind(new.path) { &mut kinds } else { &mut others };
                list.push((new.path.to_owned(), new.value));
            }
        }
        if kinds.is_empty() {
            return others;
        }
        // Setting a kind changes the defaults of its fields, so compare the rest afterwards.
        let mut same_kinds = self.config.clone();
        for (field, value) in &kinds {
            same_kinds.set(field, value).expect("another configuration has that kind");
        }
        let rest = Self::new(&same_kinds).differences(config);
        kinds.into_iter().chain(rest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_restore_the_configuration() {
        let origin = Config::paper();
        for settings in [
            &[][..],
            &[("training.seed", "7"), ("dropout", "0.1")],
            &[("optimiser.kind", "sgd"), ("momentum", "0.7"), ("batch", "16")],
            &[("architecture", "residual"), ("schedule.kind", "cosine"), ("warmup_epochs", "2")],
        ] {
            let mut config = origin.clone();
            settings.iter().for_each(|(field, value)| config.set(field, value).unwrap());
            let found = BaseConfig::new(&origin).differences(&config);
            assert_eq!(found.len(), settings.len(), "{found:?}");
            let mut again = origin.clone();
            found.iter().for_each(|(field, value)| again.set(field, value).unwrap());
            assert_eq!(again, config);
        }
    }
}

//! A flag for every field of the configuration, made from the configuration's own list of fields.
//!
//! A flag is called like the last part of its field (`network.stem_stride` is `--stem-stride`),
//! except for those in `RENAMED`. Values are kept as text; the configuration itself knows what a
//! field takes.

use clap::{Arg, ArgGroup, ArgMatches, Args, Command, FromArgMatches};
use modiste_train::Config;

/// Flags whose last part says too little, or that have a shorter name of old.
const RENAMED: [(&str, &str); 6] = [
    ("data.source", "data"),
    ("training.schedule.kind", "schedule"),
    ("training.schedule.learning_rate", "lr"),
    ("training.optimiser.epsilon", "adam-epsilon"),
    ("training.early_stopping.patience", "early-stopping"),
    ("training.early_stopping.min_delta", "early-stopping-delta"),
];

/// The field whose flag is called `name`, else `name`: what is typed after `--` may be typed in
/// `--set` and `--over`.
pub(super) fn field(name: &str) -> String {
    let renamed = RENAMED.iter().find(|(_, flag)| *flag == name).map(|(field, _)| *field);
    renamed.map_or_else(|| name.replace('-', "_"), str::to_owned)
}

/// The headings of the help, by the beginning of a field; the first that fits holds.
const HEADINGS: [(&str, &str); 7] = [
    ("data.", "Data"),
    ("network.", "Network"),
    ("training.augmentation.", "Augmentation of training images"),
    ("training.schedule.", "Learning rate"),
    ("training.optimiser.", "Optimiser"),
    ("training.early_stopping.", "Early stopping"),
    ("training.", "Training"),
];

/// A flag and the field it sets.
struct Flag {
    /// Without the dashes.
    name: String,
    /// Dotted path of the field.
    path: &'static str,
    help: &'static str,
    heading: &'static str,
    /// Whether it may stand without a value, for true.
    boolean: bool,
}

/// The flags of the fields that begin with one of `prefixes`.
fn flags(prefixes: &[&str]) -> Vec<Flag> {
    let switches: Vec<&str> = Config::default()
        .fields()
        .iter()
        .filter(|field| field.value.parse::<bool>().is_ok())
        .map(|field| field.path)
        .collect();
    let wanted = |path: &str| prefixes.iter().any(|prefix| path.starts_with(prefix));
    let renamed = |path| RENAMED.iter().find(|(field, _)| *field == path).map(|(_, name)| *name);
    let make = |(path, help): (&'static str, &'static str)| {
        let last = path.rsplit('.').next().unwrap_or(path);
        let heading = HEADINGS.iter().find(|(prefix, _)| path.starts_with(prefix));
        Flag {
            name: renamed(path).unwrap_or(last).replace('_', "-"),
            path,
            help,
            heading: heading.map_or("Other", |(_, heading)| heading),
            boolean: switches.contains(&path),
        }
    };
    Config::all_fields().filter(|(path, _)| wanted(path)).map(make).collect()
}

impl Flag {
    fn arg(&self) -> Arg {
        let arg = Arg::new(self.path).long(self.name.clone()).help(self.help);
        let arg = arg.help_heading(self.heading).allow_negative_numbers(true);
        if self.boolean {
            let arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
            arg.value_name("true|false")
        } else {
            arg.value_name("VALUE").num_args(1)
        }
    }
}

/// Fields that were typed, with their values.
pub type Settings = Vec<(String, String)>;

macro_rules! flag_set {
    ($(#[$doc:meta])* $name:ident, $group:literal, $prefixes:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $name(pub Settings);

        impl Args for $name {
            fn augment_args(command: Command) -> Command {
                let flags = flags(&$prefixes);
                let paths: Vec<&str> = flags.iter().map(|flag| flag.path).collect();
                let command = command.args(flags.iter().map(Flag::arg));
                command.group(ArgGroup::new($group).args(paths).multiple(true))
            }

            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }

        impl FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                let mut settings = Settings::new();
                for flag in flags(&$prefixes) {
                    if let Some(value) = matches.get_one::<String>(flag.path) {
                        settings.push((flag.path.to_owned(), value.clone()));
                    }
                }
                Ok(Self(settings))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }
    };
}

flag_set!(
    /// Which data.
    DataFlags,
    "data-flags",
    ["data."]
);
flag_set!(
    /// Which network.
    NetworkFlags,
    "network-flags",
    ["network."]
);
flag_set!(
    /// How it is trained.
    TrainingFlags,
    "training-flags",
    ["training."]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_flag_of_its_own() {
        let flags = flags(&["data.", "network.", "training."]);
        let mut names: Vec<&str> = flags.iter().map(|flag| flag.name.as_str()).collect();
        assert_eq!(names.len(), Config::all_fields().count());
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), flags.len());
        for name in ["data", "split", "length", "stem-stride", "epochs", "batch", "seed", "lr"] {
            assert!(names.contains(&name), "{name}");
        }
        assert!(flags.iter().all(|flag| flag.heading != "Other"));
    }
}

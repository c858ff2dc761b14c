//! Makes a flag for every field of the configuration, from the table of fields.
//!
//! Values are kept as text; the configuration checks them.

use clap::{Arg, ArgGroup, ArgMatches, Args, Command, FromArgMatches};
use modiste_spec::Range;
use modiste_train::{FIELDS, Field};

/// The path of the field whose flag is `name`, else `name` itself, so that `--set` and `--over` also
/// accept names of flags.
pub(super) fn field(name: &str) -> String {
    let field = FIELDS.iter().find(|field| field.flag_name() == name);
    field.map_or_else(|| name.replace('-', "_"), |field| field.path.to_owned())
}

/// The fields that begin with `prefix`.
fn fields(prefix: &str) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(move |field| field.path.starts_with(prefix))
}

fn arg(field: &'static Field) -> Arg {
    let arg = Arg::new(field.path).long(field.flag_name()).help(help(field, &field.defaults()));
    let arg = arg.help_heading(field.group()).allow_negative_numbers(true);
    match field.range {
        Range::Switch => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("true|false"),
        _ => arg.value_name("VALUE").num_args(1),
    }
}

fn help(field: &Field, default: &str) -> String {
    let kinds =
        if field.of_every_kind() { String::new() } else { format!("{}: ", field.kinds.join(", ")) };
    format!("{kinds}{} [{}; default: {default}]", field.doc, field.range)
}

/// Help for commands that use the data of a model, which gives the defaults of the fields.
pub(super) fn defaults_of_the_model(arg: Arg) -> Arg {
    let field = FIELDS.iter().find(|field| field.path == arg.get_id().as_str());
    field.map_or(arg.clone(), |field| arg.help(help(field, "the model's")))
}

/// Help for commands with their own preset, which gives the defaults of the fields.
pub(super) fn defaults_of_the_preset(arg: Arg) -> Arg {
    let field = FIELDS.iter().find(|field| field.path == arg.get_id().as_str());
    field.map_or(arg.clone(), |field| arg.help(help(field, "the preset's")))
}

/// Fields given on the command line, with their values.
pub type Settings = Vec<(String, String)>;

macro_rules! flag_set {
    ($(#[$doc:meta])* $name:ident, $group:literal, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $name(pub Settings);

        impl Args for $name {
            fn augment_args(command: Command) -> Command {
                let command = command.args(fields($prefix).map(arg));
                let paths = fields($prefix).map(|field| field.path);
                command.group(ArgGroup::new($group).args(paths).multiple(true))
            }

            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }

        impl FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                let typed = |field: &Field| {
                    let value = matches.get_one::<String>(field.path)?;
                    Some((field.path.to_owned(), value.clone()))
                };
                Ok(Self(fields($prefix).filter_map(typed).collect()))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }
    };
}

flag_set!(
    /// Flags of the data.
    DataFlags,
    "data-flags",
    "data."
);
flag_set!(
    /// Flags of the network.
    NetworkFlags,
    "network-flags",
    "network."
);
flag_set!(
    /// Flags of the training.
    TrainingFlags,
    "training-flags",
    "training."
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_flag_of_its_own() {
        let mut names: Vec<String> = FIELDS.iter().map(Field::flag_name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FIELDS.len());
        for name in ["data", "split", "length", "stem-stride", "epochs", "batch", "seed", "lr"] {
            assert!(names.contains(&name.to_owned()), "{name}");
        }
        assert!(FIELDS.iter().all(|field| field.group() != "Other"));
        assert_eq!(
            ["data.", "network.", "training."].map(|p| fields(p).count()).iter().sum::<usize>(),
            FIELDS.len()
        );
    }
}

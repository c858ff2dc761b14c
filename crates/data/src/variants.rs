//! Names of the variants of enums, for the command line and configurations.

/// Implements `Display` and `FromStr` for an enum from the names of its variants.
macro_rules! named {
    ($type:ident, $expected:literal: $($variant:ident $name:literal),+) => {
        /// Formatted as on the command line.
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self {
                    $(Self::$variant => $name),+
                })
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::DataError;

            fn from_str(text: &str) -> Result<Self, $crate::DataError> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::DataError::Value {
                        value: text.to_owned(),
                        expected: $expected,
                    }),
                }
            }
        }
    };
}

pub(crate) use named;

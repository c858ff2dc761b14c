//! A trained network as C99: one source and one header, without allocation or library functions except
//! `expf`.
//!
//! The functions are written by hand, one per file in `parts/`, where `VALUE` is the type of a map's values. A
//! source contains the functions that its network needs, the constants, and one call for every step of a
//! [`Program`](crate::Program) or an [`Int8Program`](crate::Int8Program).

mod float;
mod int8;
mod text;

pub use float::c_float;
pub use int8::c_int8;
use modiste_spec::Shape;

use crate::program::Window;

/// Names and settings for the C source of a network.
#[derive(Clone, Copy, Debug)]
pub struct CSource<'a> {
    /// Prefix of all public names: a C identifier.
    pub name: &'a str,
    /// The header's file name.
    pub header: &'a str,
    /// Lines of the first comment, which describes the model.
    pub about: &'a [String],
    /// Names of the classes.
    pub classes: &'a [String],
    /// Divisor of the logits before softmax.
    pub temperature: f32,
}

/// A C source with its header, and the memory that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CFiles {
    /// The source.
    pub source: String,
    /// The header.
    pub header: String,
    /// Bytes of constants, which can stay in flash.
    pub constants: usize,
    /// Bytes of RAM for the maps.
    pub memory: usize,
}

/// Whether `name` is a valid prefix for the names of a C source.
pub fn is_c_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic();
    name.len() <= 64
        && name.starts_with(letter)
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A source under construction.
#[derive(Default)]
struct Writer {
    /// The needed functions, in the order of their first use.
    parts: Vec<&'static str>,
    /// Definitions of constants.
    constants: String,
    /// Size of the constants in bytes.
    bytes: usize,
    /// The calls, one per step.
    calls: String,
}

impl Writer {
    /// Adds this function to the source, unless it is already there.
    fn need(&mut self, part: &'static str) {
        if !self.parts.contains(&part) {
            self.parts.push(part);
        }
    }

    /// Adds an array of constants with `size` bytes each.
    fn array(&mut self, kind: &str, name: &str, size: usize, values: Vec<String>) {
        self.bytes += size * values.len();
        self.constants += &text::array(kind, name, &values);
    }

    /// Adds the constant that describes `window`, which moves over maps `from` and gives `to`.
    fn window(&mut self, name: &str, window: &Window, from: Shape, to: Shape) {
        self.need(include_str!("parts/window.c"));
        let Window { rows, columns, stride, padding } = *window;
        let sizes = [
            from.height,
            from.width,
            from.channels,
            to.height,
            to.width,
            to.channels,
            rows,
            columns,
            stride,
            padding,
        ];
        self.bytes += 4 * sizes.len();
        let sizes = sizes.map(|size| size.to_string()).join(", ");
        self.constants += &format!("static const struct window {name} = {{{sizes}}};\n");
    }

    /// Adds a call.
    fn call(&mut self, step: &str, call: &str) {
        // A node may have any name, which must not end the comment.
        let step: String =
            step.chars().filter(|c| c.is_alphanumeric() || "._- ".contains(*c)).collect();
        self.calls += &format!("    /* {step} */\n    {call};\n");
    }

    /// Assembles the files. `kind` is the type of a map's values; `first` and `last` are the statements
    /// before and after the calls.
    fn finish(
        self,
        about: &CSource<'_>,
        (kind, size): (&str, usize),
        input: Shape,
        length: usize,
        [first, last]: [String; 2],
    ) -> CFiles {
        let CSource { name, temperature, .. } = about;
        let prefix = name.to_uppercase();
        let predict = include_str!("parts/predict.c")
            .replace("NAME", name)
            .replace("PREFIX", &prefix)
            .replace("TEMPERATURE", &text::float(*temperature));
        let mut source = text::comment(about.about);
        source += &format!("#include \"{}\"\n\n#include <math.h>\n\n", about.header);
        source += &text::classes(about);
        let parts = self.parts.iter().map(|part| format!("\n{}", part.replace("VALUE", kind)));
        source.extend(parts);
        source += &format!("\n{}\n", self.constants);
        source += &format!(
            "void {name}_logits(const uint8_t *pixels, float *logits, struct {name}_memory *memory)\n\
             {{\n    {kind} *const m = memory->values;\n{first}{}{last}}}\n\n{predict}",
            self.calls
        );
        let header = text::header(about, kind, input, length);
        CFiles { source, header, constants: self.bytes, memory: length * size }
    }
}

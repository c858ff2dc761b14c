//! Pieces of C source text.

use modiste_spec::Shape;

use super::CSource;

/// A number that C reads back as the same bits.
pub(super) fn float(value: f32) -> String {
    format!("{value:?}f")
}

/// The definition of an array, with lines of up to 100 characters.
pub(super) fn array(kind: &str, name: &str, values: &[String]) -> String {
    let mut text = format!("static const {kind} {name}[{}] = {{\n   ", values.len());
    let mut width = 3;
    for value in values {
        if width + value.len() + 2 > 100 {
            text += "\n   ";
            width = 3;
        }
        text += &format!(" {value},");
        width += value.len() + 2;
    }
    text + "\n};\n"
}

/// A comment of these lines.
pub(super) fn comment(lines: &[String]) -> String {
    let clean = |line: &String| {
        let line = line.replace("*/", "* /").replace("/*", "/ *").replace(['\n', '\r'], " ");
        // A backslash at the end of a line, or two question marks, would change the text that follows.
        format!(" * {}\n", line.replace('\\', "/").replace("??", "? ?"))
    };
    format!("/*\n{} */\n", lines.iter().map(clean).collect::<String>())
}

/// A string literal; characters other than printable ASCII become octal escapes of their UTF-8 bytes.
fn literal(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'?' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    };
    format!("\"{}\"", text.bytes().map(escaped).collect::<String>())
}

/// The array of class names.
pub(super) fn classes(about: &CSource<'_>) -> String {
    let names: String =
        about.classes.iter().map(|name| format!("    {},\n", literal(name))).collect();
    let (name, prefix) = (about.name, about.name.to_uppercase());
    format!("const char *const {name}_classes[{prefix}_CLASSES] = {{\n{names}}};\n")
}

/// The header.
pub(super) fn header(about: &CSource<'_>, kind: &str, input: Shape, length: usize) -> String {
    let Shape { height, width, channels } = input;
    let (name, prefix) = (about.name, about.name.to_uppercase());
    let classes = about.classes.len();
    let temperature = float(about.temperature);
    let about = comment(about.about);
    format!(
        "{about}#ifndef {prefix}_H
#define {prefix}_H

#include <stdint.h>

#ifdef __cplusplus
extern \"C\" {{
#endif

/* Rows, columns and channels of an image. */
#define {prefix}_HEIGHT {height}
#define {prefix}_WIDTH {width}
#define {prefix}_CHANNELS {channels}
#define {prefix}_PIXELS ({prefix}_HEIGHT * {prefix}_WIDTH * {prefix}_CHANNELS)
#define {prefix}_CLASSES {classes}
/* The logits are divided by this before softmax. */
#define {prefix}_TEMPERATURE {temperature}

/* Names of the classes, in UTF-8. */
extern const char *const {name}_classes[{prefix}_CLASSES];

/* What an answer is computed in; nothing in it need be kept or set. Threads need one each. */
struct {name}_memory {{
    {kind} values[{length}];
}};

/* Class of an image: its position in {name}_classes; of equally likely ones the first.
   `pixels` are {prefix}_PIXELS values from 0 to 255, row by row, the channels of a pixel side by side;
   `probabilities` gets {prefix}_CLASSES values. */
int {name}_predict(const uint8_t *pixels, float *probabilities, struct {name}_memory *memory);

/* The same before temperature and softmax. */
void {name}_logits(const uint8_t *pixels, float *logits, struct {name}_memory *memory);

#ifdef __cplusplus
}}
#endif

#endif
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_literals_that_no_compiler_misreads() {
        assert_eq!(literal("T-shirt/top"), "\"T-shirt/top\"");
        assert_eq!(literal("a\"b\\c??/"), "\"a\\\"b\\\\c\\?\\?/\"");
        assert_eq!(literal("é1\n"), "\"\\303\\2511\\012\"");
    }

    #[test]
    fn comments_end_where_they_should() {
        let text = comment(&["a */ b\nc \\".to_owned(), "d ??/".to_owned()]);
        assert_eq!(text, "/*\n * a * / b c /\n * d ? ?/\n */\n");
    }

    #[test]
    fn floats_are_exact() {
        for value in [0.1, -1.0, 1e-38, f32::MAX, 1.0 / 3.0] {
            let text = float(value);
            assert_eq!(text.strip_suffix('f').unwrap().parse::<f32>().unwrap(), value, "{text}");
        }
    }
}

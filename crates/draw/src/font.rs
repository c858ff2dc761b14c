//! The embedded font: DejaVu Sans Condensed, whose licence is in the crate `dejavu`.

use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId, OutlineBuilder};

static FACE: LazyLock<Face<'static>> = LazyLock::new(|| {
    Face::parse(dejavu::sans_condensed::regular(), 0).expect("the embedded font is whole")
});

/// Units of the font in one em.
pub(crate) fn units_per_em() -> f64 {
    f64::from(FACE.units_per_em())
}

/// The glyph of a character; characters that the font lacks become an empty box.
pub(crate) fn glyph(character: char) -> GlyphId {
    FACE.glyph_index(character).unwrap_or(GlyphId(0))
}

/// Distance to the next character, in units of the font.
pub(crate) fn advance(glyph: GlyphId) -> f64 {
    FACE.glyph_hor_advance(glyph).map_or(0.0, f64::from)
}

/// Draws the outline of `glyph`, y upwards, in units of the font.
pub(crate) fn outline(glyph: GlyphId, builder: &mut dyn OutlineBuilder) {
    FACE.outline_glyph(glyph, builder);
}

/// Width of `text` in the embedded font at `size`; the font of a page may differ a little.
pub fn text_width(text: &str, size: f64) -> f64 {
    let units: f64 = text.chars().map(|character| advance(glyph(character))).sum();
    units * size / units_per_em()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_has_what_figures_say() {
        for character in ('!'..='~').chain("×·→≥–µéßЖλ".chars()) {
            assert_ne!(glyph(character), GlyphId(0), "{character}");
        }
        assert_eq!(glyph('\u{10FFFF}'), GlyphId(0));
        assert_eq!(text_width("", 10.0), 0.0);
        assert_eq!(text_width("00", 10.0), 2.0 * text_width("1", 10.0));
    }
}

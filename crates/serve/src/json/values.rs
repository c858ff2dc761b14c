//! The numbers of one image in JSON: a flat list, or lists in lists.

use std::fmt;

use modiste_spec::Shape;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The numbers of an image, and the first problem with them.
pub(super) struct Values {
    shape: Shape,
    /// The values (h, w, c); no more than the shape has.
    pub numbers: Vec<f64>,
    /// Whether a number is written with a decimal point.
    pub decimal: bool,
    /// Whether any number is not whole.
    pub fraction: bool,
    /// The largest number.
    pub most: f64,
    /// The first problem.
    pub problem: Option<String>,
}

impl Values {
    pub fn new(shape: Shape) -> Self {
        let numbers = Vec::new();
        Self { shape, numbers, decimal: false, fraction: false, most: 0.0, problem: None }
    }

    fn wrong(&mut self, problem: impl Into<String>) {
        self.problem.get_or_insert_with(|| problem.into());
    }

    fn number(&mut self, value: f64, decimal: bool) {
        if !(0.0..=255.0).contains(&value) {
            return self.wrong("has a value outside 0 to 255");
        }
        self.decimal |= decimal;
        self.fraction |= value.fract() != 0.0;
        self.most = self.most.max(value);
        if self.numbers.len() < self.shape.len() {
            self.numbers.push(value);
        }
    }

    /// Checks the lengths of a list at `depth`, counted from 1, once it has been read.
    fn check_list(&mut self, depth: usize, numbers: usize, lists: usize) {
        let Shape { height, width, channels } = self.shape;
        let (shape, all) = (self.shape, self.shape.len());
        let fits = match (depth, numbers, lists) {
            (1, count, 0) if count != all => {
                let taken = format!("the model takes {shape}, that is {all}");
                return self.wrong(format!("has {count} values; {taken}"));
            }
            (1, _, 0) => true,
            (1, 0, rows) => rows == height,
            (2, columns, 0) => channels == 1 && columns == width,
            (2, 0, columns) => columns == width,
            (3, values, 0) => values == channels,
            _ => false,
        };
        if !fits {
            let channels = if channels == 1 { String::new() } else { format!(" of {channels}") };
            self.wrong(format!(
                "has lists of the wrong lengths; the model takes {shape}, that is a list of {all} \
                 values or {height} lists of {width}{channels}"
            ));
        }
    }
}

/// Reads a list of an image at `depth`.
pub(super) struct Level<'a> {
    pub values: &'a mut Values,
    /// Depth, 1 for the image itself.
    pub depth: usize,
}

/// An element of such a list.
enum Item {
    Number,
    List,
}

/// The deepest list of an image.
const DEEPEST: usize = 3;

impl<'de> Level<'_> {
    /// Reads the elements of the list.
    pub fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (mut numbers, mut lists) = (0, 0);
        let depth = self.depth;
        while let Some(item) =
            list.next_element_seed(Element { values: &mut *self.values, depth })?
        {
            match item {
                Item::Number => numbers += 1,
                Item::List => lists += 1,
            }
        }
        self.values.check_list(depth, numbers, lists);
        Ok(())
    }
}

/// Reads one element of such a list.
struct Element<'a> {
    values: &'a mut Values,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = Item;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Item, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Element<'_> {
    fn no_number<E>(self) -> Result<Item, E> {
        self.values.wrong("has a value that is not a number");
        Ok(Item::Number)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Item, E> {
        self.values.number(value as f64, false);
        Ok(Item::Number)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Item, E> {
        self.values.number(value as f64, false);
        Ok(Item::Number)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Item, E> {
        self.values.number(value, true);
        Ok(Item::Number)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Item, A::Error> {
        if self.depth < DEEPEST {
            Level { values: self.values, depth: self.depth + 1 }.visit_seq(list)?;
        } else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            self.values.wrong("is nested too deeply");
        }
        Ok(Item::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.no_number()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Item, E> {
        self.no_number()
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Item, E> {
        self.no_number()
    }

    fn visit_unit<E: Error>(self) -> Result<Item, E> {
        self.no_number()
    }
}

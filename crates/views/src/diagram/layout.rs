//! Rows and columns for the units of a block, so that connections run straight down side by side.

use super::segments::Segment;
use super::units::{Unit, UnitKind};

/// A unit in its place, or a map from outside the block.
#[derive(Clone, Debug)]
pub(super) struct PlacedUnit {
    /// The unit; for a map from outside, the unit that produces it.
    pub unit: usize,
    /// Whether it comes from outside.
    pub entry: bool,
    /// Row, counted from 0 at the top.
    pub row: usize,
    /// First and last column that it spans.
    pub columns: [usize; 2],
}

/// A connection from one place to another.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub from: usize,
    pub to: usize,
    /// Which of the inputs of `to` it is.
    pub input: usize,
    /// Its own column, if it passes by other places.
    pub column: Option<usize>,
}

/// Places and connections of a block.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub places: Vec<PlacedUnit>,
    pub edges: Vec<Edge>,
    pub rows: usize,
    pub columns: usize,
}

/// Lays out the units of `segment`.
///
/// A unit is below all of its inputs. Where paths split, each gets a column; a unit with one input stays
/// in its column, a unit with several inputs spans all of their columns. A path without units from a
/// split to a join (a residual) gets the last column.
pub(super) fn layout(units: &[Unit], segment: &Segment) -> Layout {
    let sources = segment.sources(units);
    let entry = |&unit: &usize| PlacedUnit { unit, entry: true, row: 0, columns: [0, 0] };
    let mut places: Vec<PlacedUnit> = sources.iter().map(entry).collect();
    let mut edges: Vec<Edge> = Vec::new();
    for unit in segment.units.clone() {
        let to = places.len();
        let mut row = 0;
        for (input, source) in units[unit].inputs.iter().enumerate() {
            let from = places.iter().position(|p| p.unit == *source).expect("it lies before");
            row = row.max(places[from].row + 1);
            edges.push(Edge { from, to, input, column: None });
        }
        places.push(PlacedUnit { unit, entry: false, row, columns: [0, 0] });
    }
    let mut layout = Layout { rows: 0, columns: 0, places, edges };
    layout.rows = layout.places.iter().map(|place| place.row + 1).max().unwrap_or(0);
    layout.give_columns();
    layout
}

impl Layout {
    fn give_columns(&mut self) {
        let ins = |edges: &[Edge], place| edges.iter().filter(|edge| edge.to == place).count();
        let mut next = 0;
        // Places whose column is still free for the first path that leaves them.
        let mut free = vec![true; self.places.len()];
        for place in 0..self.places.len() {
            let arriving: Vec<Edge> =
                self.edges.iter().filter(|edge| edge.to == place).cloned().collect();
            match &arriving[..] {
                [] => free[place] = false,
                [edge] => {
                    let alone = self.edges.iter().filter(|w| w.from == edge.from).count() == 1;
                    let columns = self.places[edge.from].columns;
                    if alone && !self.places[edge.from].entry
                        || std::mem::take(&mut free[edge.from])
                    {
                        self.places[place].columns = columns;
                    } else {
                        self.places[place].columns = [next, next];
                        next += 1;
                    }
                }
                several => {
                    let over = several.iter().filter(|edge| !self.passes(edge, &ins));
                    let over: Vec<[usize; 2]> =
                        over.map(|edge| self.places[edge.from].columns).collect();
                    let first = over.iter().map(|columns| columns[0]).min().unwrap_or(0);
                    let last = over.iter().map(|columns| columns[1]).max().unwrap_or(first);
                    self.places[place].columns = [first, last];
                }
            }
        }
        self.columns = next.max(1);
        for i in 0..self.edges.len() {
            if self.passes(&self.edges[i], &ins) {
                self.edges[i].column = Some(self.columns);
                self.columns += 1;
            }
        }
        for place in 0..self.places.len() {
            if self.places[place].entry {
                self.places[place].columns = self.below(place);
            }
        }
    }

    /// The columns of all connections that begin at a place.
    fn below(&self, place: usize) -> [usize; 2] {
        let edges = self.edges.iter().filter(|edge| edge.from == place);
        let columns =
            edges.map(|edge| edge.column.map_or(self.places[edge.to].columns, |c| [c, c]));
        let around = |a: [usize; 2], b: [usize; 2]| [a[0].min(b[0]), a[1].max(b[1])];
        columns.reduce(around).unwrap_or_default()
    }

    /// Whether a connection leads from a split to a join over at least one row.
    fn passes(&self, edge: &Edge, ins: &dyn Fn(&[Edge], usize) -> usize) -> bool {
        let parts = self.edges.iter().filter(|other| other.from == edge.from).count() > 1;
        let far = self.places[edge.to].row > self.places[edge.from].row + 1;
        (parts || self.places[edge.from].entry) && ins(&self.edges, edge.to) > 1 && far
    }

    /// Whether a place is drawn as a bar over all its columns.
    pub fn is_bar(&self, units: &[Unit], place: usize) -> bool {
        let PlacedUnit { unit, entry, .. } = &self.places[place];
        *entry || units[*unit].kind == UnitKind::Join
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagram::segments::segments;
    use modiste_spec::{InceptionResNet, Shape};

    #[test]
    fn units_of_a_row_have_different_columns() {
        for width in 1..=8 {
            for residual in [false, true] {
                let settings = InceptionResNet { width, residual, ..InceptionResNet::default() };
                let network = settings.network(Shape::new(28, 28, 1), 10).unwrap();
                let (units, segments) = segments(&network);
                for segment in &segments {
                    check_apart(&layout(&units, segment));
                }
                let block = segments.iter().find(|s| s.name == "blocks.0").unwrap();
                let plan = layout(&units, block);
                assert_eq!(plan.columns, width + usize::from(residual));
                // The input, the longest branch, the joining, the projection, the sum, the ReLU.
                assert_eq!(plan.rows, 1 + width + 2 + 2 * usize::from(residual));
            }
        }
    }

    fn check_apart(plan: &Layout) {
        for (i, a) in plan.places.iter().enumerate() {
            assert!(a.columns[0] <= a.columns[1] && a.columns[1] < plan.columns, "{a:?}");
            for b in plan.places[..i].iter().filter(|b| b.row == a.row && !b.entry) {
                let apart = a.columns[1] < b.columns[0] || b.columns[1] < a.columns[0];
                assert!(apart, "{a:?} stands on {b:?}");
            }
        }
    }
}

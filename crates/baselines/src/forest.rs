//! A random forest (Breiman 2001): trees grown on bootstrap samples, with the shares in their
//! leaves averaged.

use modiste_spec::random::{Purpose, Stream};
use serde_json::{Value, json};

use crate::parallel::Team;
use crate::samples::Samples;
use crate::tree::{Columns, Tree};
use crate::{BaselineError, Classifier, ForestSettings};

/// Number of images predicted as one unit of work.
const IMAGES: usize = 256;

/// Grown trees.
pub(crate) struct Forest {
    trees: Vec<Tree>,
    values: usize,
    classes: usize,
}

/// Grows the trees.
pub(crate) fn fit(
    settings: &ForestSettings,
    train: &Samples<'_>,
    team: &mut Team<'_>,
) -> Result<Forest, BaselineError> {
    let columns = Columns::new(train);
    let &ForestSettings { trees, depth, seed } = settings;
    let trees = team.map("trees", trees, &|number| {
        let draws = Stream::new(seed, Purpose::Forest, number as u32, 0);
        let n = train.len() as u32;
        let samples = (0..u64::from(n)).map(|i| draws.below(i, n)).collect();
        let draws = |node| Stream::new(seed, Purpose::Forest, number as u32, 1 + node);
        Ok(Tree::grow(&columns, train, samples, depth, &draws))
    })?;
    Ok(Forest { trees, values: train.values, classes: train.classes })
}

impl Forest {
    /// The class with the largest mean share, the lowest of equal ones.
    fn class_of(&self, image: &[u8]) -> u16 {
        let mut shares = vec![0.0; self.classes];
        for tree in &self.trees {
            let leaf = tree.shares(image);
            shares.iter_mut().zip(leaf).for_each(|(sum, &share)| *sum += f64::from(share));
        }
        let most = shares.iter().copied().fold(0.0, f64::max);
        shares.iter().position(|&share| share == most).unwrap_or(0) as u16
    }
}

impl Classifier for Forest {
    fn predict(&self, images: &[u8], team: &mut Team<'_>) -> Result<Vec<u16>, BaselineError> {
        team.predict(images, self.values, IMAGES, &|images| {
            images.chunks_exact(self.values).map(|image| self.class_of(image)).collect()
        })
    }

    fn facts(&self) -> Vec<(&'static str, Value)> {
        let nodes: usize = self.trees.iter().map(Tree::nodes).sum();
        vec![("nodes", json!(nodes))]
    }
}

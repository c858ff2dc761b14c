//! The paper: published numbers, its claims, and whether they hold.
//!
//! A claim is about a number with an interval; [`VERDICT_RULE`] says when it holds. [`Ablation`]
//! plans the runs that judge the parts of the method, seed by seed. Nothing is trained or printed
//! here.

mod ablation;
mod claims;
mod published;
mod study;
mod verdict;

pub use ablation::{Ablation, AblationResults, Variant, VariantResult, curves_csv};
pub use claims::{better_than, class_bias, gap, hard_class, judge};
pub use published::{
    PUBLISHED, PUBLISHED_BEST, PublishedBest, grid_axes, published, published_baselines,
};
pub use study::Study;
pub use verdict::{LEAST_SEEDS, Outcome, Side, VERDICT_RULE, Verdict};

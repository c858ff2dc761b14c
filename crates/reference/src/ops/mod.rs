//! One file per operation, forward and backward together.
//!
//! `x` and `y` are an operation's input and output, `dx` and `dy` the gradients of the loss with
//! respect to them. A backward function takes the arguments of the forward one and recomputes what
//! it needs, so that nothing has to be kept between the two.

pub mod avg_pool;
pub mod batch_norm;
pub mod concat;
pub mod conv;
pub mod cross_entropy;
pub mod dense;
pub mod dropout;
pub mod flatten;
pub mod global_avg_pool;
pub mod global_max_pool;
pub mod input;
pub mod max_pool;
pub mod relu;
pub mod scaled_add;

#[cfg(test)]
pub(crate) mod differences;

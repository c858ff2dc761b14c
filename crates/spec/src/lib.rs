//! spec
pub mod random;

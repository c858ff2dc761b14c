//! A trained model behind HTTP.
//!
//! [`serve`] answers requests until the system asks it to stop. Requests of all connections are
//! batched together and go to the engine on one thread ([`Batcher`]); everything that a client can
//! make large or slow has a limit ([`Limits`]); the model can be replaced while requests are in
//! flight. Which engine computes, and how a model file is read, is left to the caller, who hands
//! over a [`Load`].

mod batcher;
mod body;
mod card;
mod connection;
mod explain;
mod guard;
mod input;
mod limits;
mod metrics;
mod model;
mod models;
mod page;
mod predict;
mod refusal;
mod routes;
mod server;
mod token;

pub use batcher::{Batcher, Batching, PredictError};
pub use card::{Card, CardError, WrongImage};
pub use limits::Limits;
pub use metrics::Metrics;
pub use model::{About, Ask, Evaluate, Explain, Heat, Load, MakeEngine, Model, Origin};
pub use server::{Options, ServeError, serve};
pub use token::{Token, TokenError};

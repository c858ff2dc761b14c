//! A trained model behind HTTP.
//!
//! [`serve`] answers requests until the system asks it to stop. Requests of all connections are
//! batched together and go to the engine on one thread ([`Batcher`]); everything that a client can
//! make large or slow has a limit ([`Limits`]); the model can be replaced while requests are in
//! flight. Which engine computes, and how a model file is read, is left to the caller, who hands
//! over a [`Load`].

mod accept;
mod answer;
mod base;
mod batcher;
mod body;
mod card;
mod cards;
mod connection;
mod deadline;
mod decode;
mod explain;
mod form;
mod guard;
mod headers;
mod input;
mod json;
mod kind;
mod limits;
mod listen;
mod log;
mod metrics;
mod model;
mod models;
mod origin;
mod page;
mod places;
mod predict;
mod query;
mod refusal;
mod routes;
mod server;
mod serving;
mod signals;
mod state;
mod stream;
mod text;
mod token;
mod watch;

pub use base::{BasePath, BasePathError};
pub use batcher::{Batcher, Batching, PredictError};
pub use card::{Card, CardError, WrongImage};
pub use limits::Limits;
pub use listen::{Bound, Listen, ListenError};
pub use metrics::Metrics;
pub use model::{About, Ask, Evaluate, Explain, Heat, Load, MakeEngine, Model, Origin};
pub use origin::{Site, SiteError};
pub use server::{Options, ServeError, serve};
pub use token::{Token, TokenError};

//! A trained model behind HTTP.
//!
//! [`serve`] answers requests until the system asks it to stop. Images of all connections are
//! batched and computed by an engine on one thread ([`Batcher`]); everything that a client can make
//! large or slow has a limit ([`Limits`]); the model can be replaced while requests are in flight. The
//! caller chooses the engine and loads the model file with a [`LoadModel`] function.

mod accept;
mod answer;
mod base;
mod batcher;
mod body;
mod body_kind;
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
mod limits;
mod listen;
mod log;
mod metrics;
mod model;
mod models;
mod origin;
mod page;
mod parse;
mod predict;
mod query;
mod refusal;
mod routes;
mod server;
mod serving;
mod signals;
mod slots;
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
pub use model::{
    ComputeLogits, EvaluateModel, Explain, Heat, LoadModel, MakeEngine, Model, ModelDescription,
    ModelOrigin,
};
pub use origin::{Site, SiteError};
#[doc(hidden)]
pub use parse::images_of;
pub use server::{Options, ServeError, serve};
pub use token::{Token, TokenError};

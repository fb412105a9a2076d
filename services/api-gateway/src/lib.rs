//! The API gateway: REST for clients, gRPC to the services.
//!
//! What is decided about a request before its handler runs stands in its row of `routes`: who may call, how long it may
//! take, what body it takes. The edge acts on that, and the OpenAPI document is made of it, so that neither can say
//! anything else than the other.
//!
//! | module | what it is |
//! |---|---|
//! | `routes` | every route with its handler: from a request to messages of the contract, and back (`service_common::rest`) |
//! | `edge` | what stands before the handlers: addresses, limits, tokens, bodies, deadlines |
//! | `shares` | how much of something each may have at a time |
//! | `streams` | streams that are open, a few for each user |
//! | `openapi` | the document, and the page that shows it |

mod edge;
mod gateway;
mod openapi;
mod options;
mod readiness;
mod routes;
mod run;
mod shares;
mod streams;

pub use openapi::document;
pub use options::{Limits, Options, Patience};
pub use routes::listed;
pub use run::{Gateway, StartError, run, start};

/// As in metrics and logs.
pub const NAME: &str = "api-gateway";

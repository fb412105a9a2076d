//! All routes. What stands in a [`Route`] is what the edge acts on and what the OpenAPI document says.

mod analytics;
mod auth;
mod cart;
mod documents;
mod images;
mod invoices;
mod orders;
mod payments;
mod products;
mod users;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::Method;
use service_common::auth::Access;
use service_common::failure::Code;
use service_common::rest::{Answer, Inbound};

use crate::gateway::Shared;

/// All routes but those of the probes.
pub(crate) fn routes() -> Vec<Route> {
    [
        auth::routes(),
        users::routes(),
        products::routes(),
        images::routes(),
        cart::routes(),
        orders::routes(),
        invoices::routes(),
        payments::routes(),
        analytics::routes(),
        documents::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Method and path of every route, those of the probes among them.
#[must_use]
pub fn listed() -> Vec<(String, &'static str)> {
    let probes = ["/health", "/ready", "/metrics"].map(|path| ("GET".to_owned(), path));
    let routes = routes()
        .into_iter()
        .map(|route| (route.method.to_string(), route.path));
    probes.into_iter().chain(routes).collect()
}

/// Answers a request that was let in.
pub(crate) type Handler =
    Box<dyn Fn(Arc<Shared>, Inbound) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// A route: what is decided about its requests before one comes.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// With its parameters in braces.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) attempts: Attempts,
    pub(crate) patience: Patience,
    pub(crate) keyed: Keyed,
    pub(crate) body: Body,
    pub(crate) about: About,
    pub(crate) handler: Handler,
}

/// Whether an address may try only a few times a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempts {
    /// No more often than other requests.
    Limited,
    /// As often as other requests.
    Unlimited,
}

/// How long the services have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Short,
    /// For what takes several services.
    Long,
}

/// Whether it may carry an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyed {
    Yes,
    No,
}

/// What body a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// None is read.
    None,
    /// JSON, of this schema of the OpenAPI document.
    Json(&'static str),
    /// The file of a picture.
    Picture,
    /// What a payment provider tells: JSON that bears a signature.
    Webhook,
}

/// What the OpenAPI document says beside that.
pub(crate) struct About {
    pub(crate) summary: &'static str,
    pub(crate) query: &'static [Parameter],
    pub(crate) status: u16,
    pub(crate) content: Content,
    /// Codes of failures that do not follow from the rest.
    pub(crate) failures: &'static [Code],
}

/// What an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Nothing,
    /// JSON, of this schema.
    Json(&'static str),
    Html,
    /// A page of HTML that a service has made.
    Document,
    /// A stream of server-sent events, which a client goes on with by `Last-Event-ID`.
    Events,
    /// A picture, unless the client has it already: it is asked for by `If-None-Match`.
    Picture,
}

/// A parameter of the query.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) need: Need,
    pub(crate) kind: Kind,
    pub(crate) about: &'static str,
}

/// Whether a parameter must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
}

/// What a parameter's value is.
pub(crate) enum Kind {
    Text { longest: u32 },
    Id,
    Money,
    Moment,
    Whole { from: u32, to: u32, default: u32 },
    Word(fn() -> Vec<&'static str>),
}

impl Route {
    fn new<F, R>(method: Method, path: &'static str, handler: F) -> Route
    where
        F: Fn(Arc<Shared>, Inbound) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        Route {
            method,
            path,
            access: Access::Caller,
            attempts: Attempts::Unlimited,
            patience: Patience::Short,
            keyed: Keyed::No,
            body: Body::None,
            about: About {
                summary: "",
                query: &[],
                status: 200,
                content: Content::Nothing,
                failures: &[],
            },
            handler: Box::new(move |shared, inbound| Box::pin(handler(shared, inbound))),
        }
    }

    /// Whether answering takes a service, or only this process.
    pub(crate) fn calls_services(&self) -> bool {
        self.about.content != Content::Html && self.about.content != Content::Json("OpenApi")
    }

    /// Everybody may call it; a token is not looked at.
    fn open(mut self) -> Route {
        self.access = Access::Open;
        self
    }

    /// Only admins and services may call it.
    fn trusted(mut self) -> Route {
        self.access = Access::Trusted;
        self
    }

    /// An address may try only a few times a second.
    fn with_few_attempts(mut self) -> Route {
        self.attempts = Attempts::Limited;
        self
    }

    /// The services have more time.
    fn patient(mut self) -> Route {
        self.patience = Patience::Long;
        self
    }

    /// With an idempotency key it is done once.
    fn keyed(mut self) -> Route {
        self.keyed = Keyed::Yes;
        self
    }

    /// It takes a body of this schema.
    fn takes(mut self, schema: &'static str) -> Route {
        self.body = Body::Json(schema);
        self
    }

    /// It takes the file of a picture.
    fn takes_a_picture(mut self) -> Route {
        self.body = Body::Picture;
        self
    }

    /// It takes what a payment provider tells.
    fn takes_a_webhook(mut self) -> Route {
        self.body = Body::Webhook;
        self
    }

    /// It reads these parameters.
    fn asks(mut self, query: &'static [Parameter]) -> Route {
        self.about.query = query;
        self
    }

    fn summary(mut self, summary: &'static str) -> Route {
        self.about.summary = summary;
        self
    }

    fn answers(mut self, status: u16, content: Content) -> Route {
        self.about.status = status;
        self.about.content = content;
        self
    }

    /// It may fail in these ways too.
    fn may_fail(mut self, failures: &'static [Code]) -> Route {
        self.about.failures = failures;
        self
    }
}

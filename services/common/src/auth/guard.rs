//! The guard before a port: verifies the token, judges whether its caller may make the call, and hands the caller on.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Poll, Poll as Ready};
use std::time::Duration;

use http::{HeaderMap, Request, Response, header};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::caller::Caller;
use super::sessions::Sessions;
use super::token::Verifier;
use super::verified::Verified;
use crate::boxed::Boxed;
use crate::failure::{Code, Failure};

/// After which time the keys may be there.
const KEYS: Duration = Duration::from_secs(1);

/// Who may make a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody; a token is not looked at.
    Open,
    /// Every user, and services; what belongs to whom is for the call to judge.
    Caller,
    /// Admins and services.
    Trusted,
    /// Services.
    Service,
}

/// Verifies callers. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    verifier: Verifier,
    verified: Verified,
    sessions: Sessions,
}

impl Guard {
    /// One that believes these tokens while their sessions stand.
    #[must_use]
    pub fn new(verifier: Verifier, sessions: Sessions) -> Guard {
        Guard {
            verifier,
            verified: Verified::default(),
            sessions,
        }
    }

    /// Whether tokens can be verified.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.verifier.is_ready()
    }

    /// The session has just ended: here its tokens are refused at once.
    pub fn forget<'a>(&'a self, session: &'a str) -> Boxed<'a, ()> {
        self.sessions.forget(session)
    }

    /// Who calls, where that may make the call; `None` where everybody may.
    ///
    /// # Errors
    /// `unauthenticated`, `forbidden`, or `unavailable` where keys are not known or sessions cannot be checked.
    pub fn admit<'a>(
        &'a self,
        headers: &'a HeaderMap,
        access: Access,
    ) -> Boxed<'a, Result<Option<Caller>, Failure>> {
        Box::pin(async move {
            if access == Access::Open {
                return Ok(None);
            }
            let token = bearer(headers)
                .ok_or_else(|| Failure::new(Code::Unauthenticated, "send `Authorization: Bearer TOKEN`"))?;
            // Without keys no token is wrong: a client that logged in must not be told to do so again.
            if !self.is_ready() {
                let failure = Failure::new(Code::Unavailable, "the keys of access tokens are not known yet");
                return Err(failure.after(KEYS));
            }
            let caller = self
                .verified
                .caller(token, &self.verifier)
                .await
                .map_err(|error| Failure::new(Code::Unauthenticated, error.to_string()))?;
            if let Caller::User { session, .. } = &caller
                && !self.sessions.stands(session).await?
            {
                return Err(Failure::new(Code::Unauthenticated, "the session has ended"));
            }
            let allowed = match access {
                Access::Open | Access::Caller => true,
                Access::Trusted => caller.is_trusted(),
                Access::Service => matches!(caller, Caller::Service { .. }),
            };
            if !allowed {
                return Err(Failure::new(Code::Forbidden, "this is not for you to do"));
            }
            Ok(Some(caller))
        })
    }
}

/// The token that a request carries.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Who makes a gRPC call, as the guard found.
///
/// # Errors
/// Nobody: the call is open to all.
pub fn caller_of<T>(request: &tonic::Request<T>) -> Result<Caller, Failure> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| Failure::internal("a call that needs a caller is open to all"))
}

/// Guards a gRPC server: a layer around all its services. What is not named by `access` is refused.
#[derive(Clone)]
pub struct Guarded<S> {
    guard: Guard,
    access: fn(&str) -> Option<Access>,
    inner: S,
}

impl Guard {
    /// The layer; `access` knows each path, `/package.Service/Method`.
    #[must_use]
    pub fn layer(&self, access: fn(&str) -> Option<Access>) -> GuardLayer {
        GuardLayer {
            guard: self.clone(),
            access,
        }
    }
}

/// Makes [`Guarded`].
#[derive(Clone)]
pub struct GuardLayer {
    guard: Guard,
    access: fn(&str) -> Option<Access>,
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            guard: self.guard.clone(),
            access: self.access,
            inner,
        }
    }
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Poll<'_>) -> Ready<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let guard = self.guard.clone();
        let access = (self.access)(request.uri().path()).or_else(|| standard(request.uri().path()));
        Box::pin(async move {
            let admitted = match access {
                Some(access) => guard.admit(request.headers(), access).await,
                None => return Ok(Status::unimplemented("there is no such call").into_http()),
            };
            match admitted {
                Ok(Some(caller)) => {
                    if let Caller::User { id, .. } = &caller {
                        tracing::Span::current().record("user_id", id);
                    }
                    request.extensions_mut().insert(caller);
                }
                Ok(None) => {}
                Err(failure) => return Ok(Status::from(failure).into_http()),
            }
            inner.call(request).await
        })
    }
}

/// Calls that every server answers.
fn standard(path: &str) -> Option<Access> {
    let service = path.trim_start_matches('/').split('/').next()?;
    matches!(
        service,
        "grpc.health.v1.Health"
            | "grpc.reflection.v1.ServerReflection"
            | "grpc.reflection.v1alpha.ServerReflection"
    )
    .then_some(Access::Open)
}

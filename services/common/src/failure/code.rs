//! The codes of failures. They are relied upon by clients: see `docs/errors.md`.

use axum::http::StatusCode;

/// Declares the codes with everything that is decided by them, so that no map can miss one.
macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $grpc:ident, $http:ident, $kept:ident;)*) => {
        /// What kind of failure it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// As clients see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// What it means, for people.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc),*).trim_start(),)* }
            }

            /// The gRPC status it goes out as.
            #[must_use]
            pub const fn grpc(self) -> tonic::Code {
                match self { $(Code::$name => tonic::Code::$grpc,)* }
            }

            /// The HTTP status it goes out as.
            #[must_use]
            pub const fn http(self) -> StatusCode {
                match self { $(Code::$name => StatusCode::$http,)* }
            }

            pub(super) const fn is_final(self) -> bool {
                match self { $(Code::$name => codes!(@ $kept),)* }
            }
        }
    };
    (@ kept) => { true };
    (@ not_kept) => { false };
}

codes! {
    /// Fields of the request are wrong; each is named.
    Invalid = "invalid_request", InvalidArgument, BAD_REQUEST, not_kept;
    /// The request is not what the route takes: no JSON, another content type.
    Malformed = "malformed_request", InvalidArgument, BAD_REQUEST, not_kept;
    /// The body is larger than the route takes.
    TooLarge = "body_too_large", InvalidArgument, PAYLOAD_TOO_LARGE, not_kept;
    /// The request did not arrive in time.
    TooSlow = "request_timeout", DeadlineExceeded, REQUEST_TIMEOUT, not_kept;
    /// The content type is not one that the route takes.
    UnsupportedMediaType = "unsupported_media_type", InvalidArgument, UNSUPPORTED_MEDIA_TYPE, not_kept;
    /// The route does not take this method.
    MethodNotAllowed = "method_not_allowed", Unimplemented, METHOD_NOT_ALLOWED, not_kept;
    /// There is no token, or it is not good any more.
    Unauthenticated = "unauthenticated", Unauthenticated, UNAUTHORIZED, not_kept;
    /// E-mail address and password do not belong together.
    WrongCredentials = "wrong_credentials", Unauthenticated, UNAUTHORIZED, not_kept;
    /// The event is not signed with a secret that is known here, or was signed long ago.
    SignatureInvalid = "signature_invalid", InvalidArgument, BAD_REQUEST, not_kept;
    /// The caller may not do this.
    Forbidden = "forbidden", PermissionDenied, FORBIDDEN, not_kept;
    /// The request names another user than its token.
    UserMismatch = "user_mismatch", PermissionDenied, FORBIDDEN, not_kept;
    /// There is none, or it is another's.
    NotFound = "not_found", NotFound, NOT_FOUND, not_kept;
    /// What follows the event is not held any more, or the event was of another topic: read the windows, then stream from now on.
    EventGone = "event_gone", OutOfRange, GONE, not_kept;
    /// There is an account of this e-mail address.
    EmailTaken = "email_taken", AlreadyExists, CONFLICT, kept;
    /// At least one product has too little stock.
    OutOfStock = "out_of_stock", FailedPrecondition, CONFLICT, kept;
    /// At least one product does not exist.
    UnknownProduct = "unknown_product", FailedPrecondition, UNPROCESSABLE_ENTITY, kept;
    /// The order ended before it was taken.
    OrderEnded = "order_ended", FailedPrecondition, CONFLICT, kept;
    /// The order is in a state in which this cannot be done.
    OrderState = "order_state", FailedPrecondition, CONFLICT, kept;
    /// Another payment of the order is under way, or has succeeded.
    PaymentLive = "payment_live", FailedPrecondition, CONFLICT, kept;
    /// The amount is not the order's.
    AmountMismatch = "amount_mismatch", FailedPrecondition, UNPROCESSABLE_ENTITY, kept;
    /// The payment is in a state in which this cannot be done.
    PaymentState = "payment_state", FailedPrecondition, CONFLICT, kept;
    /// The idempotency key came with another request before.
    KeyReused = "idempotency_key_reused", FailedPrecondition, UNPROCESSABLE_ENTITY, not_kept;
    /// The request with this idempotency key is still being done.
    StillRunning = "still_running", Aborted, CONFLICT, not_kept;
    /// The row was changed by another at the same time; nothing was done.
    Contended = "contended", Aborted, CONFLICT, not_kept;
    /// Too many requests; see Retry-After.
    RateLimited = "rate_limited", ResourceExhausted, TOO_MANY_REQUESTS, not_kept;
    /// There is more to do than can be done; see Retry-After.
    Overloaded = "overloaded", Unavailable, SERVICE_UNAVAILABLE, not_kept;
    /// Something that is needed cannot be reached. Trying again is safe.
    Unavailable = "unavailable", Unavailable, SERVICE_UNAVAILABLE, not_kept;
    /// It took longer than it may. With an idempotency key, trying again is safe.
    Timeout = "timeout", DeadlineExceeded, GATEWAY_TIMEOUT, not_kept;
    /// A fault of ours.
    Internal = "internal", Internal, INTERNAL_SERVER_ERROR, not_kept;
}

impl Code {
    /// The code of this text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_text_of_its_own_that_is_read_back() {
        let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
        }
    }

    #[test]
    fn every_code_is_explained_with_the_statuses_it_goes_out_as() {
        let document = include_str!("../../../../docs/errors.md");
        for code in Code::ALL {
            let row = document
                .lines()
                .find(|line| line.contains(&format!("`{}`", code.as_str())));
            let row = row.unwrap_or_else(|| panic!("docs/errors.md does not explain `{}`", code.as_str()));
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            assert_eq!(cells[2], code.http().as_u16().to_string(), "{row}");
            let grpc = cells[3].replace('_', "").to_lowercase();
            assert_eq!(grpc, format!("{:?}", code.grpc()).to_lowercase(), "{row}");
            assert_eq!(cells[4] == "yes", code.is_final(), "{row}");
        }
    }

    #[test]
    fn what_is_kept_under_a_key_is_a_refusal_of_the_business() {
        for code in Code::ALL.iter().filter(|code| code.is_final()) {
            let status = code.http();
            assert!(
                status == StatusCode::CONFLICT || status == StatusCode::UNPROCESSABLE_ENTITY,
                "{code:?} is {status}"
            );
        }
    }
}

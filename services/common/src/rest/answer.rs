//! Answers, made of messages of the contract.

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use weir_proto::Money;
use weir_rpc::common::v1 as common;

use super::Answer;
use crate::failure::{Failure, FieldFaults};

/// 200 with this body.
///
/// # Errors
/// None: as all that answers are made by.
pub fn ok(body: impl Serialize) -> Answer {
    Ok(Json(body).into_response())
}

/// 200 with this body, which is JSON already.
#[must_use]
pub fn json(body: Bytes) -> Response {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        body,
    )
        .into_response()
}

/// 201 with this body, and where it can be read from now on.
///
/// # Errors
/// The place is none: a fault of ours.
pub fn created(location: &str, body: impl Serialize) -> Answer {
    let mut answer = (StatusCode::CREATED, Json(body)).into_response();
    let location = HeaderValue::from_str(location).map_err(Failure::internal)?;
    answer.headers_mut().insert(header::LOCATION, location);
    Ok(answer)
}

/// 204.
///
/// # Errors
/// None.
pub fn nothing() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The same failure, its fields named as REST names them.
#[must_use]
pub fn renamed(failure: Failure, names: &[(&str, &str)]) -> Failure {
    let mut faults = FieldFaults::default();
    for fault in &failure.fields {
        let known = names.iter().find(|(of_service, _)| *of_service == fault.field);
        faults.add(
            known.map_or(fault.field.as_str(), |(_, of_rest)| *of_rest),
            fault.fault.as_str(),
        );
    }
    faults.check().err().unwrap_or(failure)
}

/// An amount that a service sent.
///
/// # Errors
/// It is negative: a fault of ours.
pub fn money(sent: &common::Money) -> Result<Money, Failure> {
    let negative = || Failure::internal("a service sent a negative amount");
    Money::from_minor(sent.minor_units).ok_or_else(negative)
}

/// The word for a status that a service sent.
///
/// # Errors
/// There is none: a fault of ours.
pub fn word<T: TryFrom<i32> + PartialEq>(
    words: &[(&'static str, T)],
    sent: i32,
) -> Result<&'static str, Failure> {
    let status = T::try_from(sent).ok();
    let known = words.iter().find(|(_, known)| Some(known) == status.as_ref());
    known
        .map(|(word, _)| *word)
        .ok_or_else(|| Failure::internal(format!("a service sent the unknown status {sent}")))
}

/// A text that a message leaves empty where there is none.
#[must_use]
pub fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_by_the_name_that_the_client_knows() {
        let failure = Failure::field("amount.minor_units", "more than there is");
        let told = renamed(failure, &[("amount.minor_units", "amount")]);
        assert_eq!(told, Failure::field("amount", "more than there is"));
        let other = Failure::new(crate::failure::Code::NotFound, "there is none");
        assert_eq!(renamed(other.clone(), &[("a", "b")]), other);
    }

    #[test]
    fn a_negative_amount_of_a_service_is_a_fault_of_ours() {
        let sent = |minor_units| common::Money {
            minor_units,
            currency: "USD".to_owned(),
        };
        assert_eq!(money(&sent(12_990)).unwrap().to_string(), "129.90");
        assert!(money(&sent(-1)).is_err());
    }
}

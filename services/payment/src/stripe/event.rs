//! What an event of Stripe says that matters here.

use serde::Deserialize;
use service_common::ids::is_id;

/// The events that say that an intent has moved. Others are acknowledged, and that is all.
const OF_INTENTS: [&str; 10] = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
];

/// The body is no event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// It is not JSON, or misses what every event has.
    #[error("the body is no event of Stripe: {0}")]
    Malformed(#[from] serde_json::Error),
    /// An id that Stripe would not give.
    #[error("`{field}` is no id")]
    Id {
        /// Of which field.
        field: &'static str,
    },
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id: the same each time it is sent.
    pub id: String,
    /// What it is about: one of a list, `other` for all else, so that it may label a metric.
    pub kind: &'static str,
    /// The intent that has moved, where it says that of one.
    pub intent_id: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

/// An intent, or a charge or refund of one.
#[derive(Deserialize)]
struct Object {
    object: Option<String>,
    id: Option<String>,
    payment_intent: Option<Reference>,
}

/// An id, or what has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Id(String),
    Whole { id: String },
}

impl Event {
    /// Reads a body that was found to be Stripe's. Of versions of its API that are to come, what is needed here will be there.
    ///
    /// # Errors
    /// It is no event.
    pub fn parse(payload: &[u8]) -> Result<Event, EventError> {
        let Envelope { id, kind, data } = serde_json::from_slice(payload)?;
        let kind = OF_INTENTS.into_iter().find(|known| *known == kind);
        let object = data.object;
        let intent_id = match (kind, object.object.as_deref()) {
            (None, _) => None,
            (Some(_), Some("payment_intent")) => object.id,
            (Some(_), _) => object.payment_intent.map(|intent| match intent {
                Reference::Id(id) | Reference::Whole { id } => id,
            }),
        };
        for (field, id) in [("id", Some(&id)), ("data.object", intent_id.as_ref())] {
            if id.is_some_and(|id| !is_id(id)) {
                return Err(EventError::Id { field });
            }
        }
        Ok(Event {
            id,
            kind: kind.unwrap_or("other"),
            intent_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: &str, object: &str) -> Event {
        let body = format!(
            r#"{{"id": "evt_1", "object": "event", "type": "{kind}", "data": {{"object": {object}}}}}"#
        );
        Event::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn the_intent_is_found_in_what_the_event_is_about() {
        for (kind, object) in [
            (
                "payment_intent.succeeded",
                r#"{"object": "payment_intent", "id": "pi_1"}"#,
            ),
            (
                "charge.refunded",
                r#"{"object": "charge", "id": "ch_1", "payment_intent": "pi_1"}"#,
            ),
            (
                "refund.failed",
                r#"{"object": "refund", "id": "re_1", "payment_intent": {"id": "pi_1", "amount": 5}}"#,
            ),
        ] {
            let event = parse(kind, object);
            assert_eq!((event.kind, event.intent_id.as_deref()), (kind, Some("pi_1")));
        }
        let of_none = parse(
            "charge.refunded",
            r#"{"object": "charge", "id": "ch_1", "payment_intent": null}"#,
        );
        assert_eq!(of_none.intent_id, None);
    }

    #[test]
    fn what_is_not_known_is_an_event_all_the_same() {
        let event = parse("customer.created", r#"{"object": "customer", "id": "cus_1"}"#);
        assert_eq!((event.kind, event.intent_id), ("other", None));
    }

    #[test]
    fn what_is_no_event_is_told() {
        let no_id = r#"{"id": "evt 1", "type": "x", "data": {"object": {}}}"#;
        let no_intent =
            r#"{"id": "evt_1", "type": "refund.failed", "data": {"object": {"payment_intent": "a\u0000b"}}}"#;
        for (body, told) in [
            ("", "the body is no event of Stripe: EOF"),
            ("1", "the body is no event of Stripe: invalid type"),
            (r#"{"id": "evt_1"}"#, "missing field `type`"),
            (no_id, "`id` is no id"),
            (no_intent, "`data.object` is no id"),
        ] {
            let error = Event::parse(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}

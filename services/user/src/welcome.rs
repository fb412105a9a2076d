//! What a new user is sent: a notification, from the outbox to the notification service.

use serde_json::json;
use service_common::failure::Failure;
use service_common::outbox::Event;
use weir_proto::Timestamp;

use crate::account::Account;

/// `ce_source`.
const SOURCE: &str = "/user-service";

/// The notification that welcomes a new user. Where to send it is asked for when it is sent: no address lies in a topic.
///
/// # Errors
/// The account's time is no time: a fault of ours.
pub(crate) fn welcome(topic: &str, account: &Account) -> Result<Event, Failure> {
    let created_at = Timestamp::from_millis(account.created_at_ms)
        .ok_or_else(|| Failure::internal("an account's time cannot be written"))?;
    let payload = json!({
        // An account has one.
        "notification_id": format!("welcome_{}", account.id),
        "user_id": account.id,
        "template": "welcome",
        "data": { "first_name": account.first_name.as_str() },
        "created_at": created_at.to_string(),
    });
    Ok(Event::new(
        topic,
        &account.id,
        // Payments tell the same user of other things: moments are what all have in common.
        account.created_at_ms,
        "notification.welcome",
        SOURCE,
        payload.to_string(),
        account.created_at_ms,
    ))
}

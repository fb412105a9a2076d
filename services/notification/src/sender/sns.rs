//! Amazon SNS: a topic whose subscribers deliver, or an endpoint.

use std::fmt;

use aws_sdk_sns::Client;
use aws_sdk_sns::error::{DisplayErrorContext, SdkError};
use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::types::MessageAttributeValue;

use super::{Message, SendError, Sender};
use crate::trouble::Work;

/// Publishes messages.
#[derive(Clone)]
pub struct SnsSender {
    client: Client,
    arn: String,
}

impl fmt::Debug for SnsSender {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SnsSender({})", self.arn)
    }
}

impl SnsSender {
    /// To this topic or endpoint.
    #[must_use]
    pub fn new(config: &service_common::aws::SdkConfig, arn: &str) -> SnsSender {
        SnsSender {
            client: Client::new(config),
            arn: arn.to_owned(),
        }
    }
}

impl Sender for SnsSender {
    /// Subject and body are SNS's own; who it is for and what it is about stand in attributes, so that subscribers can choose
    /// by them and address it.
    fn send<'a>(&'a self, message: &'a Message) -> Work<'a, (), SendError> {
        let mut request = self
            .client
            .publish()
            .subject(&message.text.subject)
            .message(&message.text.body);
        request = match self.arn.contains(":endpoint/") {
            true => request.target_arn(&self.arn),
            false => request.topic_arn(&self.arn),
        };
        if self.arn.ends_with(".fifo") {
            // In sequence for each user; what is sent again within five minutes is delivered once.
            request = request
                .message_group_id(&message.user_id)
                .message_deduplication_id(&message.event_id);
        }
        for (name, value) in [
            ("event_id", message.event_id.as_str()),
            ("template", message.template.as_str()),
            ("user_id", &message.user_id),
            ("email", &message.address),
        ] {
            let attribute = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build();
            match attribute {
                Ok(attribute) => request = request.message_attributes(name, attribute),
                Err(error) => return Box::pin(async move { Err(SendError::Refused(error.to_string())) }),
            }
        }
        Box::pin(async move {
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(judge(&error)),
            }
        })
    }
}

/// What an error says of the message. What is wrong with the topic or with our rights is for an operator to mend, and the
/// message waits.
fn judge(error: &SdkError<PublishError>) -> SendError {
    let reason = || DisplayErrorContext(error).to_string();
    match error {
        SdkError::ServiceError(answer) => match answer.err() {
            PublishError::InvalidParameterException(_) | PublishError::InvalidParameterValueException(_) => {
                SendError::Refused(reason())
            }
            PublishError::InternalErrorException(_) => SendError::Unknown(reason()),
            _ => SendError::NotSent(reason()),
        },
        SdkError::ConstructionFailure(_) => SendError::NotSent(reason()),
        SdkError::DispatchFailure(failure) if failure.is_user() => SendError::NotSent(reason()),
        _ => SendError::Unknown(reason()),
    }
}

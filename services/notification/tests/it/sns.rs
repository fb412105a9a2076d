//! Amazon SNS, by moto: what is published arrives at a queue that subscribes.

use notification_service::sender::{Message, SendError, Sender, SnsSender};
use notification_service::template::{Template, Text};
use serde_json::Value;
use service_common::aws;
use test_support::servers::needed;
use uuid::Uuid;

use crate::world::{ADDRESS, client};

const REGION: &str = "eu-central-1";

/// Asks SQS or SNS by their query protocol.
async fn query(moto: &str, service: &str, parameters: &[(&str, &str)]) -> String {
    let body: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(':', "%3A").replace('/', "%2F")))
        .collect();
    let credential = format!("AWS4-HMAC-SHA256 Credential=stand-in/20261126/{REGION}/{service}/aws4_request");
    let answer = client()
        .post(moto)
        .header("Authorization", credential)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body.join("&"))
        .send()
        .await
        .unwrap();
    let text = answer.text().await.unwrap();
    assert!(!text.contains("<Error>"), "{text}");
    text
}

fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml
        .split_once(&format!("<{name}>"))
        .unwrap_or_else(|| panic!("{xml}"));
    let (content, _) = rest.split_once(&format!("</{name}>")).unwrap();
    content
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_whoever_subscribes() {
    let Some(moto) = needed("WEIR_TEST_S3", "the URL of a moto server") else {
        return;
    };
    let name = format!("notifications-{}", Uuid::new_v4().simple());
    let topic = query(&moto, "sns", &[("Action", "CreateTopic"), ("Name", &name)]).await;
    let arn = element(&topic, "TopicArn");
    let queue = query(&moto, "sqs", &[("Action", "CreateQueue"), ("QueueName", &name)]).await;
    let queue = element(&queue, "QueueUrl");
    let queue_arn = format!("arn:aws:sqs:{REGION}:123456789012:{name}");
    let subscription = [
        ("Action", "Subscribe"),
        ("TopicArn", arn.as_str()),
        ("Protocol", "sqs"),
        ("Endpoint", &queue_arn),
    ];
    query(&moto, "sns", &subscription).await;

    let config = aws::config(Some(REGION), Some(&moto)).await;
    let message = Message {
        event_id: "e-1".to_owned(),
        user_id: "usr_1".to_owned(),
        address: ADDRESS.to_owned(),
        template: Template::Receipt,
        text: Text {
            subject: "Receipt for your order ord_1".to_owned(),
            body: "Hello Ann,\n\nwe received your payment of 129.90 USD.\n".to_owned(),
        },
        at_ms: 0,
    };
    SnsSender::new(&config, &arn).send(&message).await.unwrap();

    let received = query(
        &moto,
        "sqs",
        &[("Action", "ReceiveMessage"), ("QueueUrl", &queue)],
    )
    .await;
    let body: Value = serde_json::from_str(&element(&received, "Body")).unwrap();
    assert_eq!(body["Subject"], message.text.subject);
    assert_eq!(body["Message"], message.text.body);
    for (name, value) in [
        ("event_id", "e-1"),
        ("template", "receipt"),
        ("user_id", "usr_1"),
        ("email", ADDRESS),
    ] {
        assert_eq!(body["MessageAttributes"][name]["Value"], value, "{body}");
    }

    // A topic that is gone is for an operator to mend: the message waits.
    let error = SnsSender::new(&config, &format!("{arn}-gone"))
        .send(&message)
        .await;
    assert!(matches!(error, Err(SendError::NotSent(_))), "{error:?}");
}

use weir_kafka::{TopicError, TopicSpec, ensure, max_message_bytes, offsets, partitions, topic_setting};

use crate::servers::{on_each_server, records, sink, topic, topic_with, unique};

#[test]
fn a_missing_topic_is_made_as_asked_and_one_that_is_there_is_left_alone() {
    on_each_server(|connection| {
        let spec = |partitions| TopicSpec {
            name: unique("made"),
            partitions,
            configs: vec![("cleanup.policy", "compact".to_owned())],
        };
        let first = spec(3);
        ensure(connection, std::slice::from_ref(&first)).unwrap();
        assert_eq!(partitions(connection, &first.name).unwrap(), [0, 1, 2]);
        ensure(
            connection,
            &[TopicSpec {
                partitions: 9,
                ..first.clone()
            }],
        )
        .unwrap();
        assert_eq!(partitions(connection, &first.name).unwrap(), [0, 1, 2]);
    });
}

#[test]
fn an_impossible_topic_is_refused_by_name() {
    on_each_server(|connection| {
        let spec = |name: &str| TopicSpec {
            name: name.to_owned(),
            partitions: 1,
            configs: Vec::new(),
        };
        for name in ["no spaces please", "."] {
            let error = ensure(connection, &[spec(name)]).unwrap_err();
            assert!(
                matches!(&error, TopicError::Refused { topic, .. } if topic == name),
                "{error}"
            );
        }
        let nobody = unique("nobody");
        assert_eq!(
            partitions(connection, &nobody),
            Err(TopicError::Missing(nobody.clone()))
        );
        assert_eq!(
            max_message_bytes(connection, &nobody),
            Err(TopicError::Missing(nobody))
        );
    });
}

#[test]
fn offsets_and_limits_are_told() {
    on_each_server(|connection| {
        let topic = topic_with(connection, 2, &[("max.message.bytes", "123456")]);
        sink(connection).commit(&records(&topic, 1, &["a", "b"])).unwrap();
        assert_eq!(max_message_bytes(connection, &topic).unwrap(), 123_456);
        let offsets = offsets(connection, &topic).unwrap();
        assert_eq!((offsets[&0], offsets[&1]), ((0, 0), (0, 3)));
    });
}

#[test]
fn a_setting_of_a_topic_is_told_and_an_unknown_one_is_none() {
    on_each_server(|connection| {
        let topic = topic_with(connection, 1, &[("cleanup.policy", "compact")]);
        let told = |name| topic_setting(connection, &topic, name).unwrap();
        assert_eq!(told("cleanup.policy").as_deref(), Some("compact"));
        assert_eq!(told("no.such.setting"), None);
    });
}

#[test]
fn a_limit_of_the_broker_is_told_for_a_topic_without_its_own() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        assert!(max_message_bytes(connection, &topic).unwrap() >= 1_000_000);
    });
}

//! Streams and outages, over real brokers.

use test_support::dev_broker::DevBroker;
use tokio::io::AsyncReadExt;
use tokio::task::block_in_place;

use crate::results::result;
use crate::served::{Served, eventually, next};
use crate::topic::{Topic, on_each_broker, on_the_broker, run};

#[test]
fn a_stream_that_is_lost_while_revisions_pour_in_has_neither_a_gap_nor_a_repeat() {
    const REVISIONS: u32 = 60;
    on_each_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        let served = [
            Served::of(&broker, &topic, &[]).await,
            Served::of(&broker, &topic, &[]).await,
        ];
        let mut writer = topic.writer().await;
        let pouring = tokio::spawn(async move {
            for revision in 0..REVISIONS {
                let orders = u64::from(revision) + 1;
                writer
                    .write(
                        0,
                        &[result(0, orders, 100, revision), result(1, orders, 100, revision)],
                    )
                    .await;
            }
        });
        // A client that is sent from replica to replica, and loses its stream after every few events.
        let (mut last, mut seen) = (String::from("start"), Vec::new());
        let mut turn = 0;
        while seen.len() < 2 * REVISIONS as usize {
            let (begins, mut stream) = served[turn % 2].stream(&last).await.unwrap();
            assert_eq!(begins, last);
            for _ in 0..turn % 7 {
                if seen.len() == 2 * REVISIONS as usize {
                    break;
                }
                let event = next(&mut stream).await.unwrap();
                let window = event.window.unwrap();
                seen.push((window.window_start.unwrap().seconds, window.revision));
                last = event.event_id;
            }
            turn += 1;
        }
        pouring.await.unwrap();
        let (first, second) = (seen[0].0, seen[1].0);
        let expected: Vec<_> = (0..REVISIONS)
            .flat_map(|revision| [(first, revision), (second, revision)])
            .collect();
        assert_eq!(seen, expected);
        for served in &served {
            served.until_counted(2 * i64::from(REVISIONS)).await;
        }
    });
}

#[test]
fn a_topic_that_comes_later_is_waited_for() {
    on_each_broker(async |broker| {
        let topic = Topic::named(&broker, 1);
        let served = Served::unready(&broker, &topic, &[]).await;
        eventually("it says what is missing", async || {
            let (status, body) = served.get("/ready", "").await;
            status == 503 && body.contains("results")
        })
        .await;
        topic.make().await;
        served.until_ready().await;
        topic.write(0, &[result(0, 5, 100, 0)]).await;
        served.until_counted(5).await;
    });
}

#[test]
fn a_topic_that_is_made_anew_replaces_what_was_known_and_ends_the_streams() {
    on_each_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        topic.write(0, &[result(0, 5, 100, 3)]).await;
        let served = Served::of(&broker, &topic, &[]).await;
        let (begins, mut stream) = served.stream("").await.unwrap();
        topic.delete().await;
        topic.make().await;
        topic
            .write(
                0,
                &[result(0, 1, 100, 0), result(1, 1, 100, 0), result(2, 1, 100, 0)],
            )
            .await;
        served.until_counted(3).await;
        // Apache Kafka may hand out what lies behind the old topic's offset before it says that the topic is another one.
        let end = loop {
            if let Err(end) = next(&mut stream).await {
                break end;
            }
        };
        assert_eq!(end.code, service_common::failure::Code::EventGone);
        let refused = served.stream(&begins).await.unwrap_err();
        assert_eq!(refused.code, service_common::failure::Code::EventGone);
    });
}

#[test]
fn an_outage_of_the_broker_is_sat_out_and_the_windows_are_shown_meanwhile() {
    run(async {
        // It is started and killed as those do who wait meanwhile.
        let mut broker = block_in_place(DevBroker::start);
        let address = broker.address().to_string();
        let topic = Topic::made(&address, 1).await;
        topic.write(0, &[result(0, 5, 100, 0)]).await;
        let served = Served::of(&address, &topic, &[]).await;
        let (_, mut stream) = served.stream("").await.unwrap();
        block_in_place(|| broker.kill());
        assert_eq!(served.summary().await.order_count, 5);
        assert_eq!(served.get("/ready", "").await.0, 200);
        block_in_place(|| broker.start_again());
        topic.write(0, &[result(1, 2, 100, 0)]).await;
        assert_eq!(next(&mut stream).await.unwrap().window.unwrap().order_count, 2);
        served.until_counted(7).await;
        served.service.running.stop().await;
        block_in_place(|| drop(broker));
    });
}

#[test]
fn a_client_that_does_not_read_holds_nobody_up() {
    on_the_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        let served = Served::of(&broker, &topic, &["--max-events", "50"]).await;
        let mut idle = served
            .open("/api/v1/analytics/stream", &served.customer(), "")
            .await;
        // It is open once its head has come.
        idle.read_u8().await.unwrap();
        let (_, mut stream) = served.stream("").await.unwrap();
        let mut writer = topic.writer().await;
        // Far more than buffers of connections hold: 20 MB of events.
        const EVENTS: i64 = 80_000;
        let mut seen = 0;
        for batch in 0..EVENTS / 40 {
            let results: Vec<_> = (0..40).map(|n| result(batch * 40 + n, 1, 100, 0)).collect();
            writer.write(0, &results).await;
            for _ in 0..40 {
                next(&mut stream).await.unwrap();
                seen += 1;
            }
        }
        assert_eq!(seen, EVENTS);
        // It was overtaken, and is told so once it reads.
        let mut rest = String::new();
        idle.read_to_string(&mut rest).await.unwrap();
        assert!(
            rest.contains("event: end\ndata: {\"code\":\"event_gone\""),
            "{}",
            &rest[rest.len() - 500..]
        );
    });
}

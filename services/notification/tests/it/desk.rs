//! Records to messages, among stand-ins.

use std::time::Duration;

use notification_service::batch;
use notification_service::claims::Terms;
use notification_service::desk::Handled;
use notification_service::record::Record;
use notification_service::sender::SendError;
use serde_json::json;
use test_support::databases::on_each_database;

use crate::world::{ADDRESS, Fate, World, notification, order, payment};

const SENT: Handled = Handled::Sent { may_repeat: false };

#[test]
fn every_event_is_told_once_in_its_words() {
    on_each_database(async |url| {
        let world = World::at(&url, Terms::default()).await;
        let records = [
            order("e1", "order.created", 1, "usr_1"),
            order("e2", "order.paid", 2, "usr_1"),
            order("e3", "order.cancelled", 3, "usr_1"),
            order("e4", "order.failed", 4, "usr_1"),
            notification("welcome", "usr_1", &json!({"first_name": "Ann"})),
            notification("receipt", "usr_1", &payment()),
            notification("refund", "usr_1", &payment()),
        ];
        for record in &records {
            assert_eq!(world.desk.handle(record).await, Ok(SENT));
        }
        assert_eq!(
            world.out.subjects(),
            [
                "We have your order ord_1",
                "Your order ord_1 is paid",
                "Your order ord_1 was cancelled",
                "Your order ord_1 did not go through",
                "Welcome",
                "Receipt for your order ord_1",
                "Refund for your order ord_1",
            ]
        );
        {
            let sent = world.out.sent.lock().unwrap();
            assert!(sent.iter().all(|message| message.address == ADDRESS));
            for (message, words) in [
                (&sent[0], "  2 x kb-1 at 64.95 USD\n\nTotal: 129.90 USD"),
                (&sent[2], "not paid in time"),
                (&sent[5], "your payment of 129.90 USD"),
            ] {
                assert!(message.text.body.contains(words), "{}", message.text.body);
            }
        }
        // Copies, all of them: of the orders only the last is not older than what was told.
        for record in &records {
            let handled = world.desk.handle(record).await.unwrap();
            assert!(
                matches!(handled, Handled::Ignored("sent_before" | "older")),
                "{handled:?}"
            );
        }
        assert_eq!(world.out.subjects().len(), records.len());
        assert_eq!(world.count("notifications_sent_total", "receipt"), 1);
        assert_eq!(world.count("notification_age_seconds_count", "receipt"), 1);
        assert_eq!(world.count("notifications_ignored_total", "sent_before"), 4);
        assert_eq!(world.count("notifications_ignored_total", "older"), 3);
    });
}

#[test]
fn an_older_event_of_an_order_says_nothing_new() {
    on_each_database(async |url| {
        let world = World::at(&url, Terms::default()).await;
        let (newer, older) = (
            order("e2", "order.cancelled", 5, "usr_1"),
            order("e1", "order.created", 2, "usr_1"),
        );
        assert_eq!(world.desk.handle(&newer).await, Ok(SENT));
        assert_eq!(world.desk.handle(&older).await, Ok(Handled::Ignored("older")));
        assert_eq!(world.out.subjects(), ["Your order ord_1 was cancelled"]);
    });
}

#[test]
fn a_crash_between_sending_and_marking_repeats_the_message_once_its_lease_ran_out() {
    on_each_database(async |url| {
        let record = order("e1", "order.created", 1, "usr_1");
        let dying = World::at(&url, Terms::default()).await;
        dying.out.fates.lock().unwrap().push_back(Fate::GoesOutInSilence);
        let killed = {
            let (desk, record) = (dying.desk.clone(), record.clone());
            tokio::spawn(async move { desk.handle(&record).await })
        };
        while dying.out.subjects().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        killed.abort();
        assert!(killed.await.unwrap_err().is_cancelled());

        // While the lease runs nobody repeats it, and nobody passes it over either.
        let waiting = World::at(&url, Terms::default()).await;
        let trouble = waiting.desk.handle(&record).await.unwrap_err();
        assert_eq!(trouble.what, "claim");
        assert_eq!(waiting.out.subjects(), Vec::<String>::new());

        let database = {
            let options = service_common::database::DatabaseOptions::of(url.parse().unwrap());
            service_common::database::Database::open(
                &options,
                notification_service::claims::OWNER,
                notification_service::claims::STEPS,
            )
            .await
            .unwrap()
        };
        sqlx::query("UPDATE claims SET lease_until_ms = 0")
            .execute(database.pool())
            .await
            .unwrap();
        let repeated = waiting.desk.handle(&record).await;
        assert_eq!(repeated, Ok(Handled::Sent { may_repeat: true }));
        assert_eq!(waiting.count("notifications_repeated_total", "order-taken"), 1);
        assert_eq!(
            waiting.desk.handle(&record).await,
            Ok(Handled::Ignored("sent_before"))
        );
        database.close().await;
    });
}

#[test]
fn what_cannot_be_sent_now_is_sent_later_and_only_doubt_is_counted_as_a_repetition() {
    on_each_database(async |url| {
        let world = World::at(&url, Terms::default()).await;
        let record = notification("welcome", "usr_1", &json!({}));
        *world.people.away.lock().unwrap() = 1;
        assert_eq!(world.desk.handle(&record).await.unwrap_err().what, "user_service");
        let fails = |error| world.out.fates.lock().unwrap().push_back(Fate::Fails(error));
        fails(SendError::NotSent("away".to_owned()));
        assert_eq!(world.desk.handle(&record).await.unwrap_err().what, "sender");
        assert_eq!(world.desk.handle(&record).await, Ok(SENT));

        let record = notification("receipt", "usr_1", &payment());
        fails(SendError::Unknown("no answer".to_owned()));
        fails(SendError::NotSent("away".to_owned()));
        for _ in 0..2 {
            assert_eq!(world.desk.handle(&record).await.unwrap_err().what, "sender");
        }
        let sent = world.desk.handle(&record).await;
        assert_eq!(sent, Ok(Handled::Sent { may_repeat: true }));
        assert_eq!(world.out.subjects().len(), 2);
        assert_eq!(world.count("notifications_failed_total", "sender"), 3);
        assert_eq!(world.count("notifications_failed_total", "user_service"), 1);
        assert_eq!(world.count("notifications_repeated_total", "welcome"), 0);
        assert_eq!(world.count("notifications_repeated_total", "receipt"), 1);
    });
}

#[test]
fn what_will_never_be_understood_is_a_dead_letter_as_it_came() {
    on_each_database(async |url| {
        let world = World::at(&url, Terms::default()).await;
        let changed = |mut record: Record, value: &str| {
            record.value = Some(value.as_bytes().to_vec());
            record
        };
        let without = |mut record: Record, name: &str| {
            record.headers.retain(|(header, _)| header != name);
            record
        };
        let of_order = || order("e1", "order.paid", 1, "usr_1");
        let mut no_value = of_order();
        no_value.value = None;
        let mut amount = payment();
        amount["amount"] = json!("-1.00");
        for (record, named) in [
            (changed(of_order(), "{"), "EOF"),
            (changed(of_order(), "{}"), "order_id"),
            (no_value, "no value"),
            (without(of_order(), "version"), "`version`"),
            (without(of_order(), "ce_time"), "`ce_time`"),
            (notification("invoice", "usr_1", &json!({})), "`invoice`"),
            (notification("receipt", "usr_1", &json!({})), "data.amount"),
            (notification("refund", "usr_1", &amount), "data.amount"),
            (notification("welcome", "", &json!({})), "user_id"),
        ] {
            assert_eq!(
                world.desk.handle(&record).await,
                Ok(Handled::DeadLettered),
                "{record:?}"
            );
            let (letter, error) = world.pit.0.lock().unwrap().pop().unwrap();
            assert_eq!(letter, record);
            assert!(error.contains(named), "{error}");
        }
        assert_eq!(world.out.subjects(), Vec::<String>::new());
        assert_eq!(world.count("notifications_dead_lettered_total", "orders"), 5);
    });
}

#[test]
fn what_the_way_out_refuses_is_a_dead_letter_and_not_tried_again() {
    on_each_database(async |url| {
        let world = World::at(&url, Terms::default()).await;
        let record = notification("welcome", "usr_1", &json!({}));
        let refused = Fate::Fails(SendError::Refused("no such address".to_owned()));
        world.out.fates.lock().unwrap().push_back(refused);
        assert_eq!(world.desk.handle(&record).await, Ok(Handled::DeadLettered));
        assert_eq!(
            world.desk.handle(&record).await,
            Ok(Handled::Ignored("sent_before"))
        );
        let letters = world.pit.0.lock().unwrap();
        assert_eq!(letters.len(), 1);
        assert!(letters[0].1.contains("no such address"), "{}", letters[0].1);
    });
}

#[test]
fn who_is_gone_and_what_is_not_of_this_shop_is_passed_over() {
    on_each_database(async |url| {
        let world = World::at(&url, Terms::default()).await;
        let mut foreign = order("e1", "order.created", 1, "u-17");
        foreign.headers.clear();
        foreign.value = Some(b"not even JSON".to_vec());
        for (record, reason) in [
            (order("e2", "order.created", 1, "usr_gone"), "user_gone"),
            (order("e2", "order.created", 1, "usr_gone"), "sent_before"),
            (order("e3", "order.shipped", 2, "usr_1"), "other_type"),
            (foreign, "not_of_this_shop"),
        ] {
            assert_eq!(world.desk.handle(&record).await, Ok(Handled::Ignored(reason)));
        }
        assert_eq!(world.out.subjects(), Vec::<String>::new());
    });
}

#[test]
fn behind_a_record_that_waits_its_partition_waits_and_others_do_not() {
    on_each_database(async |url| {
        let world = World::at(&url, Terms::default()).await;
        let at = |mut record: Record, partition, offset| {
            (record.partition, record.offset) = (partition, offset);
            record
        };
        let receipt = || notification("receipt", "usr_1", &payment());
        let records = vec![
            at(order("e1", "order.created", 1, "usr_1"), 0, 10),
            at(order("e2", "order.paid", 2, "usr_1"), 0, 11),
            at(order("e3", "order.cancelled", 3, "usr_1"), 0, 12),
            at(receipt(), 1, 10),
        ];
        // Claimed by somebody else: what comes behind it in its partition must not overtake it.
        world.desk.claims.claim("e2", "usr_1").await.unwrap();
        let mut progress = batch::handle(&world.desk, records, None).await;
        progress.sort_by_key(|part| part.records[0].partition);
        let offsets: Vec<i64> = progress[0].left().iter().map(|record| record.offset).collect();
        assert_eq!(offsets, [11, 12]);
        assert_eq!(progress[0].trouble.as_ref().unwrap().what, "claim");
        assert_eq!(progress[1].left(), []);
        let mut subjects = world.out.subjects();
        subjects.sort();
        assert_eq!(
            subjects,
            ["Receipt for your order ord_1", "We have your order ord_1"]
        );

        world.desk.claims.release("e2", "usr_1", true).await.unwrap();
        let left = progress.remove(0).left().to_vec();
        let none_left = Some(std::time::Instant::now());
        let out_of_time = batch::handle(&world.desk, left.clone(), none_left).await;
        assert_eq!(out_of_time[0].left(), left);
        assert_eq!(batch::handle(&world.desk, left, None).await[0].left(), []);
        assert_eq!(world.out.subjects().len(), 4);
    });
}

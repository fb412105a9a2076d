//! What the service shows: by gRPC and by REST.

use serde_json::{Value, json};
use service_common::failure::Code;
use service_common::moment;
use tokio::io::AsyncReadExt;
use weir_rpc::analytics::v1::{GetLatestWindowRequest, ListWindowsRequest};
use weir_rpc::common::v1::Empty;

use crate::results::{result, start};
use crate::served::{PATIENCE, Served, answer};
use crate::topic::{Topic, on_each_broker};

#[test]
fn windows_are_listed_summed_and_the_latest_is_told_of_all_partitions() {
    on_each_broker(async |broker| {
        let topic = Topic::made(&broker, 2).await;
        topic
            .write(0, &[result(0, 3, 1_001, 0), result(2, 1, 50, 0)])
            .await;
        topic.write(1, &[result(1, 2, 333, 0)]).await;
        topic.write(0, &[result(0, 4, 1_101, 1)]).await;
        let served = Served::of(&broker, &topic, &[]).await;
        let customer = served.customer();

        let page = async |cursor: &str| {
            let request = ListWindowsRequest {
                cursor: cursor.to_owned(),
                limit: 2,
                ..ListWindowsRequest::default()
            };
            answer(
                served
                    .client
                    .clone()
                    .list_windows(served.by(&customer, request))
                    .await,
            )
            .unwrap()
        };
        let first = page("").await;
        let seen: Vec<_> = first
            .windows
            .iter()
            .map(|w| (w.order_count, w.revision))
            .collect();
        assert_eq!(seen, [(4, 1), (2, 0)]);
        let second = page(&first.next_cursor).await;
        assert_eq!(second.next_cursor, "");
        let window = &second.windows[0];
        assert_eq!(window.window_start, Some(moment::message(start(2).millis())));
        assert_eq!(
            (&*window.total_revenue, &*window.average_order_value),
            ("0.50", "0.50")
        );

        let mut client = served.client.clone();
        let latest = client.get_latest_window(served.by(&customer, GetLatestWindowRequest {}));
        assert_eq!(&answer(latest.await).unwrap(), window);
        let sums = served.summary().await;
        // 14.84 / 7 = 2.12.
        assert_eq!((sums.windows, sums.order_count, sums.total_items), (3, 7, 14));
        assert_eq!(
            (&*sums.total_revenue, &*sums.average_order_value),
            ("14.84", "2.12")
        );
        assert_eq!(sums.complete_from, None);
        served.service.running.stop().await;
    });
}

#[test]
fn before_the_first_window_there_is_none_and_what_is_wrong_is_named() {
    on_each_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        let served = Served::of(&broker, &topic, &[]).await;
        let customer = served.customer();
        let mut client = served.client.clone();
        let latest = client.get_latest_window(served.by(&customer, GetLatestWindowRequest {}));
        assert_eq!(answer(latest.await).unwrap_err().code, Code::NotFound);
        let sums = served.summary().await;
        assert_eq!(
            (sums.windows, &*sums.total_revenue, &*sums.average_order_value),
            (0, "0.00", "0.00")
        );
        let wrong = ListWindowsRequest {
            cursor: "x".to_owned(),
            limit: 1_441,
            ..ListWindowsRequest::default()
        };
        let failure = answer(
            served
                .client
                .clone()
                .list_windows(served.by(&customer, wrong))
                .await,
        )
        .unwrap_err();
        assert_eq!((failure.code, failure.fields.len()), (Code::Invalid, 2));
        let well = answer(served.client.clone().health_check(Empty {}).await).unwrap();
        assert_eq!(well.status, "healthy");
    });
}

#[test]
fn rest_shows_the_same() {
    on_each_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        topic
            .write(0, &[result(0, 3, 1_000, 0), result(1, 1, 50, 0)])
            .await;
        let served = Served::of(&broker, &topic, &[]).await;
        let customer = served.customer();
        let get = async |path: &str| {
            let (status, body) = served.get(path, &customer).await;
            (status, serde_json::from_str::<Value>(&body).unwrap())
        };
        let first = json!({
            "window_start": start(0).to_string(), "window_end": start(1).to_string(), "order_count": 3,
            "total_revenue": "10.00", "total_items": 6, "unique_users": 1, "average_order_value": "3.33", "revision": 0,
        });
        let (status, page) = get("/api/v1/analytics/windows?limit=1").await;
        assert_eq!((status, &page["windows"]), (200, &json!([first])));
        let cursor = page["next_cursor"].as_str().unwrap();
        let (_, page) = get(&format!("/api/v1/analytics/windows?limit=1&cursor={cursor}")).await;
        assert_eq!(
            (&page["windows"][0]["order_count"], &page["next_cursor"]),
            (&json!(1), &Value::Null)
        );
        let (_, latest) = get("/api/v1/analytics/windows/latest").await;
        assert_eq!(latest, page["windows"][0]);
        let (_, sums) = get(&format!("/api/v1/analytics/summary?to={}", start(1))).await;
        assert_eq!(
            sums,
            json!({
                "windows": 1, "order_count": 3, "total_revenue": "10.00", "total_items": 6, "average_order_value": "3.33",
                "complete_from": null,
            })
        );
        let (status, problem) = get("/api/v1/analytics/windows?from=soon&limit=0").await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")));
        assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn events_are_sent_as_they_come_and_go_on_from_the_last_one() {
    on_each_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        topic.write(0, &[result(0, 1, 100, 0)]).await;
        let served = Served::of(&broker, &topic, &[]).await;
        let customer = served.customer();
        let mut stream = served.open("/api/v1/analytics/stream", &customer, "").await;
        let head = until(&mut stream, "\nid: ").await;
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        topic.write(0, &[result(1, 2, 200, 0)]).await;
        let told = until(&mut stream, "\"revision\":0}").await;
        assert!(
            told.contains("event: window") && told.contains("\"order_count\":2"),
            "{told}"
        );
        drop(stream);

        let last = "Last-Event-ID: start\r\n";
        let mut stream = served.open("/api/v1/analytics/stream", &customer, last).await;
        let told = until(&mut stream, "\"order_count\":2").await;
        assert!(told.contains("\"order_count\":1"), "{told}");
        // It ends with the service, in a whole answer.
        served.service.running.stop().await;
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert!(
            rest.contains("event: end\ndata: {\"code\":\"unavailable\""),
            "{rest}"
        );
        assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
    });
}

/// Reads until it contains this.
async fn until(stream: &mut tokio::net::TcpStream, wanted: &str) -> String {
    let mut seen = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&seen).contains(wanted) {
            seen.push(stream.read_u8().await.unwrap());
        }
    };
    let read = tokio::time::timeout(PATIENCE, reading).await.is_ok();
    let text = String::from_utf8_lossy(&seen).into_owned();
    assert!(read, "no `{wanted}` in {text}");
    text
}

#[test]
fn an_event_that_is_none_or_not_held_is_refused() {
    on_each_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        let many: Vec<_> = (0..9).map(|n| result(n, 1, 100, 0)).collect();
        topic.write(0, &many).await;
        let served = Served::of(&broker, &topic, &["--max-events", "3", "--max-windows", "4"]).await;
        let refused = async |id: &str| served.stream(id).await.unwrap_err();
        let failure = refused("17").await;
        assert_eq!(
            (failure.code, &*failure.fields[0].field),
            (Code::Invalid, "last_event_id")
        );
        assert_eq!(refused("start").await.code, Code::EventGone);
        assert_eq!(refused("0:1000:1").await.code, Code::EventGone, "beyond the end");
        let customer = served.customer();
        let mut answer = String::new();
        let mut stream = served
            .open("/api/v1/analytics/stream", &customer, "Last-Event-ID: 17\r\n")
            .await;
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400") && answer.contains("\"field\":\"Last-Event-ID\""),
            "{answer}"
        );
        let mut answer = String::new();
        let mut stream = served
            .open("/api/v1/analytics/stream", &customer, "Last-Event-ID: start\r\n")
            .await;
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 410") && answer.contains("\"event_gone\""),
            "{answer}"
        );
        // Of the windows the newest are held, and it is said since when.
        let sums = served.summary().await;
        assert_eq!(
            (sums.windows, sums.complete_from),
            (4, Some(moment::message(start(5).millis())))
        );
    });
}

#[test]
fn a_record_that_is_no_result_is_counted_and_left_out() {
    on_each_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        let mut writer = topic.writer().await;
        let garbage = [&b"{}"[..], b"", b"\xff\xfe", b"{\"window_start\":1}"];
        writer.write_values(0, garbage.map(<[u8]>::to_vec).to_vec()).await;
        writer.write(0, &[result(0, 1, 100, 0)]).await;
        let served = Served::of(&broker, &topic, &[]).await;
        assert_eq!(served.summary().await.windows, 1);
        let (_, metrics) = served.get("/metrics", "").await;
        for line in [
            r#"analytics_records_total{kind="malformed",service="analytics-service"} 4"#,
            r#"analytics_records_total{kind="result",service="analytics-service"} 1"#,
            r#"analytics_windows{service="analytics-service"} 1"#,
            r#"analytics_lag_records{service="analytics-service"} 0"#,
        ] {
            assert!(metrics.contains(line), "{line} in {metrics}");
        }
    });
}

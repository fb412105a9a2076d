//! One order is one trace, and a collector that is away costs nothing but spans.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::Value;
use test_support::address::free_address;
use weir_kafka::{Connection, OwnedRecord, offsets, read_range};

use crate::client::order;
use crate::collector::{Collector, Seen, hex};
use crate::world::{Manner, World, eventually, on_each_ground};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

const CREATE: &str = "ecommerce.order.v1.OrderService/CreateOrder";
const RESERVE: &str = "ecommerce.product.v1.ProductService/ReserveStock";
const ACCEPT: &str = "ecommerce.payment.v1.PaymentService/AcceptPayment";

/// Spans of a trace.
struct Trace(Vec<Seen>);

impl Trace {
    /// The first of this service, name and kind.
    fn find(&self, service: &str, name: &str, kind: SpanKind) -> Result<&Seen, String> {
        let found = self
            .0
            .iter()
            .find(|seen| seen.service == service && seen.span.name == name && seen.span.kind() == kind);
        found.ok_or_else(|| {
            let there: BTreeSet<String> = self
                .0
                .iter()
                .map(|seen| format!("{} {} {:?}", seen.service, seen.span.name, seen.span.kind()))
                .collect();
            format!("no {kind:?} `{name}` of {service} among {there:#?}")
        })
    }

    fn parent(&self, of: &Seen) -> Option<&Seen> {
        self.0
            .iter()
            .find(|seen| seen.span.span_id == of.span.parent_span_id)
    }

    /// Whether `of` came of `origin`, over any number of spans.
    #[track_caller]
    fn assert_within(&self, of: &Seen, origin: &Seen) {
        let mut at = of;
        while at.span.span_id != origin.span.span_id {
            at = self
                .parent(at)
                .unwrap_or_else(|| panic!("{of:?}\nis not within\n{origin:?}\nbut ends at\n{at:?}"));
        }
    }
}

async fn records(kafka: &str, topic: &str) -> Vec<OwnedRecord> {
    let (connection, topic) = (Connection::new(kafka), topic.to_owned());
    let read = move || {
        let mut records = Vec::new();
        for (partition, (start, _)) in offsets(&connection, &topic).unwrap() {
            read_range(&connection, &topic, partition, start, |record| {
                records.push(record)
            })
            .unwrap();
        }
        records
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_is_one_trace_over_all_services() {
    on_each_ground(async |ground| {
        let (collector, address) = Collector::start().await;
        let mut world = World::start(
            ground,
            Manner {
                level: "info",
                collector: Some(address),
            },
        )
        .await;
        let user = world.shop.user("ada@example.com", "correct horse").await;
        let bearer = format!("Bearer {}", user["token"].as_str().unwrap());
        let traceparent = format!("00-{TRACE}-{SPAN}-01");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("traceparent", &traceparent),
            ("tracestate", "vendor=1"),
        ];
        let answer = world
            .shop
            .call("POST", "/api/v1/orders", &headers, &order(Some("tok_success")))
            .await;
        let placed: Value = answer.expect(201);
        let order_id = placed["order_id"].as_str().unwrap();

        let spans = eventually("the spans", async || {
            let trace = Trace(collector.trace(TRACE));
            // The last ones: the payment is driven and the event published after the answer.
            trace.find("payment-service", "provider confirm", SpanKind::Client)?;
            trace.find("order-service", "publish", SpanKind::Producer)?;
            trace.find("api-gateway", "POST /api/v1/orders", SpanKind::Server)?;
            trace.find("product-service", RESERVE, SpanKind::Server)?;
            trace.find("order-service", CREATE, SpanKind::Server)?;
            Ok(trace)
        })
        .await;
        let find = |service: &str, name: &str, kind| spans.find(service, name, kind).unwrap();

        let request = find("api-gateway", "POST /api/v1/orders", SpanKind::Server);
        assert_eq!(hex(&request.span.parent_span_id), SPAN);
        assert_eq!(request.span.trace_state, "vendor=1");
        let call = find("api-gateway", CREATE, SpanKind::Client);
        spans.assert_within(call, request);
        let taken = find("order-service", CREATE, SpanKind::Server);
        assert_eq!(taken.span.parent_span_id, call.span.span_id);
        let call = find("order-service", RESERVE, SpanKind::Client);
        spans.assert_within(call, taken);
        let reserved = find("product-service", RESERVE, SpanKind::Server);
        assert_eq!(reserved.span.parent_span_id, call.span.span_id);
        spans.assert_within(find("product-service", "transaction", SpanKind::Client), reserved);
        spans.assert_within(find("order-service", "transaction", SpanKind::Client), taken);
        let call = find("order-service", ACCEPT, SpanKind::Client);
        spans.assert_within(call, taken);
        let accepted = find("payment-service", ACCEPT, SpanKind::Server);
        assert_eq!(accepted.span.parent_span_id, call.span.span_id);
        spans.assert_within(
            find("payment-service", "provider create", SpanKind::Client),
            accepted,
        );
        spans.assert_within(find("order-service", "publish", SpanKind::Producer), taken);

        // The record tells the next one where to go on.
        let record = eventually("the event", async || {
            let records = records(&world.kafka, &world.orders_topic).await;
            let found = records
                .into_iter()
                .find(|record| record.key.as_deref() == Some(order_id.as_bytes()));
            found.ok_or_else(|| "it is not there yet".to_owned())
        })
        .await;
        let headers = record
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()));
        let told = service_common::trace::Trace::of_record(headers).unwrap();
        assert_eq!((told.trace_id(), told.state()), (TRACE, Some("vendor=1")));
        let parent = spans
            .0
            .iter()
            .find(|seen| hex(&seen.span.span_id) == told.span_id());
        assert_eq!(parent.unwrap().service, "order-service");

        // The job shows where it read the record.
        let job = world.job(address);
        eventually("the job's span", async || {
            let seen = collector.of("order-analytics");
            let links = seen.iter().flat_map(|seen| &seen.span.links);
            let mut linked: Vec<String> = links.map(|link| hex(&link.span_id)).collect();
            linked.dedup();
            match linked.contains(&told.span_id().to_owned()) {
                true => Ok(()),
                false => Err(format!("{seen:#?}")),
            }
        })
        .await;
        drop(job);
        world.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    on_each_ground(async |ground| {
        let mut world = World::start(
            ground,
            Manner {
                level: "info",
                collector: Some(free_address()),
            },
        )
        .await;
        let user = world.shop.user("ada@example.com", "correct horse").await;
        let bearer = format!("Bearer {}", user["token"].as_str().unwrap());
        let headers = [("Authorization", bearer.as_str())];
        for _ in 0..10 {
            let answer = world
                .shop
                .call("POST", "/api/v1/orders", &headers, &order(None))
                .await;
            answer.expect(201);
        }
        eventually("spans are counted", async || {
            let served = world.metrics("order-service").await;
            let start = "trace_spans_total{outcome=\"dropped\",service=\"order-service\"} ";
            let line = served.lines().find_map(|line| line.strip_prefix(start));
            match line.and_then(|count| count.parse::<u64>().ok()) {
                Some(count) if count > 0 => Ok(()),
                _ => Err(format!("{line:?}")),
            }
        })
        .await;
        let log = world.log("order-service");
        assert_eq!(log.matches("spans cannot be exported").count(), 1, "{log}");
        world.stop().await;
    })
    .await;
}

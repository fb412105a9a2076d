//! Who may see the windows, and for how long.

use std::time::Duration;

use service_common::auth::Role;
use service_common::failure::Code;
use weir_rpc::analytics::v1::{
    GetLatestWindowRequest, ListWindowsRequest, StreamWindowsRequest, SummarizeRequest,
};

use crate::served::{Served, answer, next};
use crate::topic::{Topic, on_the_broker};

const PATHS: [&str; 4] = [
    "/api/v1/analytics/windows",
    "/api/v1/analytics/windows/latest",
    "/api/v1/analytics/summary",
    "/api/v1/analytics/stream",
];

/// The codes of all calls for who has this token; `None` is no failure.
async fn codes(served: &Served, token: &str) -> Vec<Option<Code>> {
    let mut client = served.client.clone();
    let code = |failure: service_common::failure::Failure| failure.code;
    vec![
        answer(
            client
                .list_windows(served.by(token, ListWindowsRequest::default()))
                .await,
        )
        .err()
        .map(code),
        answer(
            client
                .get_latest_window(served.by(token, GetLatestWindowRequest {}))
                .await,
        )
        .err()
        .map(code),
        answer(
            client
                .summarize(served.by(token, SummarizeRequest::default()))
                .await,
        )
        .err()
        .map(code),
        answer(
            client
                .stream_windows(served.by(token, StreamWindowsRequest::default()))
                .await,
        )
        .err()
        .map(code),
    ]
}

#[test]
fn nobody_sees_them_without_a_token_and_everybody_with_one() {
    on_the_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        let served = Served::of(&broker, &topic, &[]).await;
        let refused = vec![Some(Code::Unauthenticated); 4];
        assert_eq!(codes(&served, "").await, refused);
        assert_eq!(codes(&served, "x.y.z").await, refused);
        served.users.end_session("ended");
        let ended = served.token(Role::Admin, "ended");
        assert_eq!(codes(&served, &ended).await, refused);
        for path in PATHS {
            for token in ["", "x.y.z", &ended] {
                assert_eq!(served.get(path, token).await.0, 401, "{path} {token}");
            }
        }
        let seen = codes(&served, &served.customer()).await;
        assert_eq!(seen, [None, Some(Code::NotFound), None, None]);
    });
}

#[test]
fn a_setting_narrows_them_to_admins() {
    on_the_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        let served = Served::of(&broker, &topic, &["--audience", "admins"]).await;
        assert_eq!(
            codes(&served, &served.customer()).await,
            [Some(Code::Forbidden); 4]
        );
        for path in PATHS {
            assert_eq!(served.get(path, &served.customer()).await.0, 403, "{path}");
        }
        let admin = served.token(Role::Admin, "ses_2");
        assert_eq!(
            codes(&served, &admin).await,
            [None, Some(Code::NotFound), None, None]
        );
    });
}

#[test]
fn a_stream_ends_with_the_session_and_with_the_token() {
    on_the_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        let served = Served::of(&broker, &topic, &[]).await;
        let (_, mut revoked) = served
            .stream_by(&served.token(Role::Customer, "ses_7"), "")
            .await
            .unwrap();
        let (_, mut expired) = served
            .stream_by(&served.short(Duration::from_secs(1)), "")
            .await
            .unwrap();
        let (_, metrics) = served.get("/metrics", "").await;
        assert!(
            metrics.contains(r#"analytics_streams{service="analytics-service"} 2"#),
            "{metrics}"
        );
        served.users.end_session("ses_7");
        assert_eq!(next(&mut revoked).await.unwrap_err().code, Code::Unauthenticated);
        assert_eq!(next(&mut expired).await.unwrap_err().code, Code::Unauthenticated);
    });
}

#[test]
fn more_streams_than_there_are_places_are_refused_until_one_ends() {
    on_the_broker(async |broker| {
        let topic = Topic::made(&broker, 1).await;
        let served = Served::of(&broker, &topic, &["--max-streams", "2"]).await;
        let (_, first) = served.stream("").await.unwrap();
        let (_, _second) = served.stream("").await.unwrap();
        let refused = served.stream("").await.unwrap_err();
        assert_eq!(refused.code, Code::Overloaded);
        drop(first);
        crate::served::eventually("there is a place again", async || served.stream("").await.is_ok()).await;
    });
}

//! Requests that nobody sends by mistake, against a whole shop: its gateway and the inner ports of every service. Each is
//! refused as what it is, none is a fault of ours, none changes a row.
//!
//! | module | what it is |
//! |---|---|
//! | `calls` | gRPC to the inner ports: ids, numbers, texts, what is missing, what is not one's own |
//! | `tokens` | tokens that were not made here, or not for this |
//! | `rest` | REST to the gateway and to the HTTP ports of the services |
//! | `webhooks` | events that no provider sent |
//! | `wire` | bytes that are no request at all |
//! | `grpc` | a client that sends any bytes to any call |
//! | `rows` | every row of every table |
//! | `bench` | the shop, two customers with an order each, and their tokens |

pub(crate) mod bench;
mod calls;
mod grpc;
mod rest;
mod rows;
mod tokens;
mod webhooks;
mod wire;

use test_support::postgres_process::programs;

use self::bench::Bench;

/// As many as the tables hold at least.
const AT_LEAST: usize = 800;

fn all_of_it(bench: &Bench) {
    let before = bench.rows_at_rest();
    let mut refused = 0;
    let mut wrong = Vec::new();
    for outcome in [
        calls::all(bench),
        tokens::all(bench),
        rest::all(bench),
        webhooks::all(bench),
        wire::all(bench),
    ] {
        refused += outcome.sent;
        wrong.extend(outcome.wrong);
    }
    println!("{refused} hostile requests");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(refused >= AT_LEAST, "{refused}");
    assert_eq!(bench.rows_at_rest().differences(&before), [""; 0]);
    tokens::a_refresh_token_that_comes_again_ends_the_session(bench);
}

#[test]
fn each_is_refused_as_what_it_is_and_changes_nothing_on_sqlite() {
    all_of_it(&Bench::start(None));
}

#[test]
fn each_is_refused_as_what_it_is_and_changes_nothing_on_postgresql() {
    if let Some(programs) = programs() {
        all_of_it(&Bench::start(Some(programs)));
    }
}

/// What came of a table.
#[derive(Default)]
struct Outcome {
    sent: usize,
    wrong: Vec<String>,
}

impl Outcome {
    /// Notes one request, and what is wrong with its answer.
    fn note(&mut self, about: &str, wrong: Option<String>) {
        self.sent += 1;
        self.wrong.extend(wrong.map(|wrong| format!("{about}: {wrong}")));
    }
}

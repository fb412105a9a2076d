//! A provider whose calls are counted, timed and seen in traces.

use std::time::Instant;

use service_common::metrics::Metrics;
use service_common::trace;
use tracing::{Instrument, Span};

use crate::payment::Price;
use crate::provider::{Answer, Intent, Provider, ProviderError};

/// Hands every call on to another provider.
pub(crate) struct Observed {
    provider: Box<dyn Provider>,
    metrics: Metrics,
}

impl Observed {
    pub(crate) fn new(provider: Box<dyn Provider>, metrics: &Metrics) -> Observed {
        Observed {
            provider,
            metrics: metrics.clone(),
        }
    }

    fn observe<'a>(&'a self, call: &'static str, answer: Answer<'a, Intent>) -> Answer<'a, Intent> {
        let span = tracing::debug_span!(
            target: trace::TARGET,
            "provider",
            otel.kind = "client",
            otel.name = format!("provider {call}"),
        );
        let observed = async move {
            let started = Instant::now();
            let answer = answer.await;
            let outcome = match &answer {
                Ok(_) => "answered",
                Err(ProviderError::Refused(_)) => "refused",
                Err(ProviderError::Away(_)) => "away",
                Err(ProviderError::Unknown(_)) => "unknown",
            };
            self.metrics.provider_call(call, outcome, started.elapsed());
            if let "away" | "unknown" = outcome {
                trace::failed(&Span::current(), outcome);
            }
            answer
        };
        Box::pin(observed.instrument(span))
    }
}

impl Provider for Observed {
    fn create<'a>(&'a self, key: &'a str, price: &'a Price) -> Answer<'a, Intent> {
        self.observe("create", self.provider.create(key, price))
    }

    fn get<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent> {
        self.observe("get", self.provider.get(intent_id))
    }

    fn confirm<'a>(&'a self, intent_id: &'a str, method: &'a str) -> Answer<'a, Intent> {
        self.observe("confirm", self.provider.confirm(intent_id, method))
    }

    fn cancel<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent> {
        self.observe("cancel", self.provider.cancel(intent_id))
    }

    fn refund<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent> {
        self.observe("refund", self.provider.refund(intent_id))
    }
}

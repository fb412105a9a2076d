//! The line to the other parties: calls get lost on it, before or after they took effect, or stay on it.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: it is answered.
    None,
    /// It is known not to have arrived.
    Away,
    /// It gets lost on its way there.
    LostBefore,
    /// Its answer gets lost.
    LostAfter,
    /// It stays on its way there until the line is let go.
    HeldBefore,
    /// Its answer does.
    HeldAfter,
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It did not arrive.
    Away,
    /// Nobody knows.
    Unknown,
}

type Faults = Box<dyn FnMut(&str) -> Fault + Send>;

#[derive(Clone)]
pub(crate) struct Line(Arc<Ends>);

struct Ends {
    faults: Mutex<Faults>,
    calls: Mutex<Vec<String>>,
    held: Notify,
    let_go: Notify,
}

impl Line {
    /// On which all calls are answered.
    pub(crate) fn new() -> Line {
        Line(Arc::new(Ends {
            faults: Mutex::new(Box::new(|_| Fault::None)),
            calls: Mutex::default(),
            held: Notify::new(),
            let_go: Notify::new(),
        }))
    }

    /// From now on this happens to calls, by their names.
    pub(crate) fn disturb(&self, faults: impl FnMut(&str) -> Fault + Send + 'static) {
        *self.0.faults.lock().unwrap() = Box::new(faults);
    }

    /// This happens to the next call of this name, nothing to the others.
    pub(crate) fn disturb_next(&self, name: &'static str, fault: Fault) {
        let mut faults = Some(fault);
        self.disturb(move |called| match called == name {
            true => faults.take().unwrap_or(Fault::None),
            false => Fault::None,
        });
    }

    /// From now on all calls are answered.
    pub(crate) fn repair(&self) {
        self.disturb(|_| Fault::None);
    }

    /// How often this was called.
    pub(crate) fn calls(&self, name: &str) -> usize {
        self.0
            .calls
            .lock()
            .unwrap()
            .iter()
            .filter(|call| *call == name)
            .count()
    }

    /// Returns when a call is held.
    pub(crate) async fn held(&self) {
        self.0.held.notified().await;
    }

    /// The call that is held goes on.
    pub(crate) fn let_go(&self) {
        self.0.let_go.notify_one();
    }

    /// From now on all calls are answered, also those that are held.
    pub(crate) fn let_all_go(&self) {
        self.repair();
        self.0.let_go.notify_waiters();
    }

    pub(crate) async fn call<T>(&self, name: &str, effect: impl FnOnce() -> T) -> Result<T, Lost> {
        self.0.calls.lock().unwrap().push(name.to_owned());
        let fault = (self.0.faults.lock().unwrap())(name);
        tokio::task::yield_now().await;
        match fault {
            Fault::None => Ok(effect()),
            Fault::Away => Err(Lost::Away),
            Fault::LostBefore => Err(Lost::Unknown),
            Fault::LostAfter => {
                effect();
                Err(Lost::Unknown)
            }
            Fault::HeldBefore => {
                self.hold().await;
                Ok(effect())
            }
            Fault::HeldAfter => {
                let answer = effect();
                self.hold().await;
                Ok(answer)
            }
        }
    }

    async fn hold(&self) {
        self.0.held.notify_one();
        self.0.let_go.notified().await;
    }
}

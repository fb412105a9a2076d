//! Who goes on with a payment.

use uuid::Uuid;

use super::Payment;

/// Held by the one driver of a payment, until it lets go or its time has run out and another takes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease(String);

impl Lease {
    fn new() -> Lease {
        Lease(Uuid::now_v7().to_string())
    }

    /// One that was stored.
    #[must_use]
    pub fn stored(text: String) -> Lease {
        Lease(text)
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Payment {
    /// Takes the lease; `None` while another holds it. Who dies with it is followed when its time has run out; whatever is to be
    /// looked at earlier is news that came meanwhile.
    pub fn take_lease(&mut self, now_ms: i64, lease_ms: i64) -> Option<Lease> {
        if now_ms < self.lease_until_ms {
            return None;
        }
        let lease = Lease::new();
        self.lease = Some(lease.clone());
        self.lease_until_ms = now_ms + lease_ms;
        self.attend_at_ms = Some(self.lease_until_ms);
        Some(lease)
    }

    /// Whether somebody goes on with it, or died doing so.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lease.is_some()
    }

    /// Whether nobody has taken it over from the holder of this lease.
    #[must_use]
    pub fn is_held_by(&self, lease: &Lease) -> bool {
        self.lease.as_ref() == Some(lease)
    }
}

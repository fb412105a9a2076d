//! Invoices and credit notes.

use std::path::Path;

use order_service::order::Order;
use order_service::{Document, Documents};
use service_common::failure::{Code, Failure};
use service_common::files::Files;
use test_support::databases::each_database_url;
use weir_proto::Money;

use crate::instance::{Instance, request};
use crate::others::{Others, PRICE};

/// A shop that keeps its documents in a folder.
struct Office<'a> {
    instance: &'a Instance,
    folder: &'a Path,
}

impl Office<'_> {
    fn ask(&self, id: &str, user: &str) -> Result<Document, Failure> {
        self.ask_in_the_name_of("The shop", id, user)
    }

    fn ask_in_the_name_of(&self, seller: &str, id: &str, user: &str) -> Result<Document, Failure> {
        let files = Files::open(self.folder.to_str().unwrap()).unwrap();
        let documents = Documents::new(self.instance.database.clone(), files, seller.to_owned());
        self.instance
            .runtime
            .block_on(documents.get(id, |order| order.user_id() == user))
    }

    fn take(&self, key: &str) -> String {
        self.instance.take(request(key, 3, None)).unwrap().order_id
    }

    fn pay(&self, id: &str, payment: &str, succeeds: bool) {
        let orders = &self.instance.orders;
        let amount = Money::from_minor(3 * PRICE).unwrap();
        self.instance.runtime.block_on(async {
            orders.begin_payment(id, payment, amount, "USD").await.unwrap();
            orders.payment_settled(id, payment, succeeds).await.unwrap();
        });
    }

    fn cancel(&self, id: &str) -> Order {
        let cancel = self.instance.orders.cancel(id, |_| true);
        self.instance.runtime.block_on(cancel).unwrap()
    }

    fn refusal(&self, id: &str) -> Code {
        self.ask(id, "usr_1").unwrap_err().code
    }
}

fn in_an_office(test: impl Fn(&Office<'_>)) {
    each_database_url(|url| {
        let others = Others::new(1, 100, 0);
        let instance = Instance::start(url, &others);
        let folder = tempfile::tempdir().unwrap();
        test(&Office {
            instance: &instance,
            folder: folder.path(),
        });
    });
}

fn text(document: &Document) -> String {
    String::from_utf8(document.content.to_vec()).unwrap()
}

#[test]
fn an_order_has_an_invoice_once_it_is_paid_and_it_is_nobody_elses_to_see() {
    in_an_office(|office| {
        let id = office.take("k");
        assert_eq!(office.refusal(&id), Code::OrderState);
        office.pay(&id, "pay_1", true);
        let invoice = office.ask(&id, "usr_1").unwrap();
        assert_eq!(invoice.name, format!("invoice-{id}.html"));
        assert!(text(&invoice).contains("30.00"), "{}", text(&invoice));
        assert_eq!(office.ask(&id, "usr_2").unwrap_err().code, Code::NotFound);
        assert_eq!(office.refusal("ord_0"), Code::NotFound);
    });
}

#[test]
fn a_document_is_the_same_ever_after() {
    in_an_office(|office| {
        let id = office.take("k");
        office.pay(&id, "pay_1", true);
        let first = office
            .ask_in_the_name_of("The first owner", &id, "usr_1")
            .unwrap();
        assert!(text(&first).contains("The first owner"));
        let second = office.ask_in_the_name_of("The next owner", &id, "usr_1").unwrap();
        assert_eq!(first, second);
        let kept = std::fs::read(office.folder.join(&id).join("invoice.html")).unwrap();
        assert_eq!(kept, first.content);
    });
}

#[test]
fn of_many_who_ask_at_once_all_get_the_same() {
    in_an_office(|office| {
        let id = office.take("k");
        office.pay(&id, "pay_1", true);
        let database = office.instance.database.clone();
        let files = Files::open(office.folder.to_str().unwrap()).unwrap();
        let asks = (0..8).map(|n| {
            let seller = format!("seller {n}");
            let documents = Documents::new(database.clone(), files.clone(), seller);
            let id = id.clone();
            office
                .instance
                .runtime
                .spawn(async move { documents.get(&id, |_| true).await })
        });
        let asks: Vec<_> = asks.collect();
        let mut got: Vec<Document> = asks
            .into_iter()
            .map(|ask| office.instance.runtime.block_on(ask).unwrap().unwrap())
            .collect();
        got.dedup();
        assert_eq!(got.len(), 1, "{got:?}");
    });
}

#[test]
fn a_paid_order_that_is_cancelled_has_a_credit_note_and_its_invoice_is_kept() {
    in_an_office(|office| {
        let id = office.take("k");
        office.pay(&id, "pay_1", true);
        let invoice = office.ask(&id, "usr_1").unwrap();
        office.cancel(&id);
        let note = office.ask(&id, "usr_1").unwrap();
        assert_eq!(note.name, format!("credit-note-{id}.html"));
        assert!(text(&note).contains("was cancelled"), "{}", text(&note));
        let kept = std::fs::read(office.folder.join(&id).join("invoice.html")).unwrap();
        assert_eq!(kept, invoice.content);
    });
}

#[test]
fn an_order_that_ended_before_it_was_paid_has_no_document() {
    in_an_office(|office| {
        let cancelled = office.take("k");
        office.cancel(&cancelled);
        assert_eq!(office.refusal(&cancelled), Code::OrderState);
        let declined = office.take("l");
        office.pay(&declined, "pay_1", false);
        assert_eq!(office.refusal(&declined), Code::OrderState);
        office.cancel(&declined);
        assert_eq!(office.refusal(&declined), Code::OrderState);
    });
}

/// The money came when the order was gone: it is given back, and there is a paper that says so.
#[test]
fn a_payment_that_succeeds_on_a_cancelled_order_has_a_credit_note() {
    in_an_office(|office| {
        let id = office.take("k");
        let orders = &office.instance.orders;
        let amount = Money::from_minor(3 * PRICE).unwrap();
        office.instance.runtime.block_on(async {
            orders.begin_payment(&id, "pay_1", amount, "USD").await.unwrap();
        });
        office.cancel(&id);
        assert_eq!(office.refusal(&id), Code::OrderState);
        let settle = orders.payment_settled(&id, "pay_1", true);
        office.instance.runtime.block_on(settle).unwrap();
        let note = office.ask(&id, "usr_1").unwrap();
        assert!(note.name.starts_with("credit-note-"), "{}", note.name);
    });
}

//! Who may make which call.

use payment_service::{Api, access};
use service_common::auth::{Access, Caller, Role};
use service_common::failure::{Code, Failure};
use test_support::databases::on_each_database;
use tonic::Request;
use weir_rpc::common::v1::Money;
use weir_rpc::payment::v1::payment_service_server::PaymentService;
use weir_rpc::payment::v1::{
    AcceptPaymentRequest, PaymentRequest, PaymentStatus, PaymentStatusRequest, RefundRequest,
    RequestRefundRequest,
};

use crate::instance::Instance;

fn user(id: &str, role: Role) -> Caller {
    Caller::User {
        id: id.to_owned(),
        role,
        session: "ses_1".to_owned(),
    }
}

fn service() -> Caller {
    Caller::Service {
        name: "order-service".to_owned(),
    }
}

fn by<T>(caller: Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller);
    request
}

fn code(status: tonic::Status) -> Code {
    Failure::from(status).code
}

fn payment(order_id: &str) -> PaymentRequest {
    PaymentRequest {
        order_id: order_id.to_owned(),
        amount: Some(Money {
            minor_units: 1_000,
            currency: "USD".to_owned(),
        }),
        method: "good".to_owned(),
        idempotency_key: "key-1".to_owned(),
    }
}

#[test]
fn every_call_of_the_contract_has_its_access() {
    let of = |call: &str| access(&format!("/ecommerce.payment.v1.PaymentService/{call}"));
    assert_eq!(of("HealthCheck"), Some(Access::Open));
    assert_eq!(of("HandleWebhook"), Some(Access::Open));
    assert_eq!(of("ProcessPayment"), Some(Access::Caller));
    assert_eq!(of("GetPaymentStatus"), Some(Access::Caller));
    assert_eq!(of("RefundPayment"), Some(Access::Trusted));
    assert_eq!(of("AcceptPayment"), Some(Access::Service));
    assert_eq!(of("RequestRefund"), Some(Access::Service));
    assert_eq!(of("DropTables"), None);
    assert_eq!(access("/ecommerce.order.v1.OrderService/HealthCheck"), None);
}

#[test]
fn a_payment_is_seen_by_its_user_by_admins_and_by_services() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        let api = Api(it.payments.clone());
        it.desk.take("ord_1", "usr_1");
        let paid = api
            .process_payment(by(user("usr_1", Role::Customer), payment("ord_1")))
            .await;
        let paid = paid.unwrap().into_inner();
        let status = PaymentStatusRequest {
            payment_id: paid.payment_id.clone(),
        };
        for caller in [
            user("usr_1", Role::Customer),
            user("usr_2", Role::Admin),
            service(),
        ] {
            let seen = api.get_payment_status(by(caller, status.clone())).await.unwrap();
            assert_eq!(seen.into_inner(), paid);
        }
        let hidden = api
            .get_payment_status(by(user("usr_2", Role::Customer), status))
            .await;
        assert_eq!(code(hidden.unwrap_err()), Code::NotFound);
    });
}

#[test]
fn only_users_pay_and_only_what_is_theirs() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        let api = Api(it.payments.clone());
        it.desk.take("ord_1", "usr_1");
        for (caller, expected) in [
            (service(), Code::Forbidden),
            (user("usr_2", Role::Customer), Code::NotFound),
            (user("usr_2", Role::Admin), Code::NotFound),
        ] {
            let refused = api.process_payment(by(caller, payment("ord_1"))).await;
            assert_eq!(code(refused.unwrap_err()), expected);
        }
        let without_amount = PaymentRequest {
            amount: None,
            ..payment("ord_1")
        };
        let invalid = api
            .process_payment(by(user("usr_1", Role::Customer), without_amount))
            .await;
        assert_eq!(code(invalid.unwrap_err()), Code::Invalid);
    });
}

#[test]
fn an_order_has_itself_paid_and_given_back() {
    on_each_database(async |url| {
        let it = Instance::new(&url).await;
        let api = Api(it.payments.clone());
        it.desk.take("ord_1", "usr_1");
        let PaymentRequest {
            order_id,
            amount,
            method,
            ..
        } = payment("ord_1");
        let accept = AcceptPaymentRequest {
            payment_id: "pay_1".to_owned(),
            order_id,
            user_id: "usr_1".to_owned(),
            amount,
            method,
        };
        let accepted = api
            .accept_payment(by(service(), accept.clone()))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(accepted.status(), PaymentStatus::Processing);
        it.wait_until("pay_1", |payment| payment.is_told()).await;
        let refund = RequestRefundRequest {
            order_id: "ord_1".to_owned(),
            payment_id: "pay_1".to_owned(),
        };
        let promised = api.request_refund(by(service(), refund)).await.unwrap();
        assert!(promised.into_inner().promised);
        let by_hand = RefundRequest {
            payment_id: "pay_1".to_owned(),
            idempotency_key: String::new(),
        };
        let again = api
            .refund_payment(by(user("usr_2", Role::Admin), by_hand))
            .await
            .unwrap();
        let status = again.into_inner().status();
        assert!(
            matches!(status, PaymentStatus::RefundPending | PaymentStatus::Refunded),
            "{status:?}"
        );
        let invalid = AcceptPaymentRequest {
            payment_id: String::new(),
            ..accept
        };
        let invalid = api.accept_payment(by(service(), invalid)).await.unwrap_err();
        assert_eq!(code(invalid), Code::Invalid);
    });
}

//! Requests, judged: all their faults at once.

use service_common::failure::{Failure, FieldFaults};
use service_common::ids::{is_id, no_id};
use weir_rpc::user::v1 as rpc;

use crate::account::{Email, Name, Password, Person};

/// The most of a product in a cart.
pub(crate) const MOST_OF_A_PRODUCT: u32 = 1_000;

/// Who wants an account.
///
/// # Errors
/// Each field that is wrong.
pub(crate) fn person(request: &rpc::CreateUserRequest) -> Result<Person, Failure> {
    let mut faults = FieldFaults::default();
    let email = faults.take("email", Email::parse(&request.email));
    let password = faults.take("password", Password::chosen(&request.password));
    let first_name = faults.take("first_name", Name::parse(&request.first_name));
    let last_name = faults.take("last_name", Name::parse(&request.last_name));
    match (email, password, first_name, last_name) {
        (Some(email), Some(password), Some(first_name), Some(last_name)) => Ok(Person {
            email,
            password,
            first_name,
            last_name,
        }),
        _ => Err(faults.into_failure()),
    }
}

/// What somebody tries to log in with.
///
/// # Errors
/// Each field that is wrong.
pub(crate) fn credentials(request: &rpc::AuthRequest) -> Result<(Email, Password), Failure> {
    let mut faults = FieldFaults::default();
    let email = faults.take("email", Email::parse(&request.email));
    let password = faults.take("password", Password::tried(&request.password));
    email.zip(password).ok_or_else(|| faults.into_failure())
}

/// A product and how many of it are to lie in a cart.
///
/// # Errors
/// Each field that is wrong.
pub(crate) fn cart_item(request: &rpc::PutCartItemRequest) -> Result<(String, u32), Failure> {
    let mut faults = FieldFaults::default();
    if !is_id(&request.product_id) {
        faults.add("product_id", no_id());
    }
    let quantity = request.quantity;
    if quantity == 0 || quantity > MOST_OF_A_PRODUCT {
        faults.add(
            "quantity",
            format!("`{quantity}` is not between 1 and {MOST_OF_A_PRODUCT}"),
        );
    }
    faults.check()?;
    Ok((request.product_id.clone(), quantity))
}

/// A product that is to be taken out of a cart.
///
/// # Errors
/// It is no id.
pub(crate) fn product_id(request: &rpc::DeleteCartItemRequest) -> Result<&str, Failure> {
    match is_id(&request.product_id) {
        true => Ok(&request.product_id),
        false => Err(Failure::field("product_id", no_id())),
    }
}

#[cfg(test)]
mod tests {
    use service_common::failure::Code;

    use super::*;

    #[test]
    fn a_registration_learns_all_its_faults_at_once() {
        let failure = person(&rpc::CreateUserRequest::default()).unwrap_err();
        assert_eq!(failure.code, Code::Invalid);
        let fields: Vec<_> = failure.fields.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["email", "password", "first_name", "last_name"]);
    }

    #[test]
    fn a_cart_takes_one_to_a_thousand_of_a_product() {
        let item = |product_id: &str, quantity| {
            cart_item(&rpc::PutCartItemRequest {
                product_id: product_id.to_owned(),
                quantity,
            })
        };
        assert!(item("prd_1", 1).is_ok() && item("prd_1", 1_000).is_ok());
        for (product_id, quantity) in [("prd_1", 0), ("prd_1", 1_001), ("", 1), ("a\u{0}", 1), ("a b", 1)] {
            assert_eq!(
                item(product_id, quantity).unwrap_err().fields.len(),
                1,
                "{product_id} {quantity}"
            );
        }
        assert_eq!(item("../etc", 0).unwrap_err().fields.len(), 2);
    }
}

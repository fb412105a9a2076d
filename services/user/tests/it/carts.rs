//! Carts.

use std::time::Duration;

use service_common::auth::Caller;
use service_common::failure::{Code, Failure};
use user_service::Rules;
use user_service::carts::MOST_LINES;
use weir_rpc::user::v1::user_service_server::UserService;
use weir_rpc::user::v1::{CartItem, DeleteCartItemRequest, GetCartRequest, PutCartItemRequest};

use crate::places::on_each_place;
use crate::world::{World, by};

async fn put(
    world: &World,
    caller: &Caller,
    product_id: &str,
    quantity: u32,
) -> Result<Vec<CartItem>, Failure> {
    let request = PutCartItemRequest {
        product_id: product_id.to_owned(),
        quantity,
    };
    let answer = world.api.put_cart_item(by(caller, request)).await?;
    Ok(answer.into_inner().items)
}

async fn get(world: &World, caller: &Caller) -> Vec<CartItem> {
    let answer = world.api.get_cart(by(caller, GetCartRequest {})).await.unwrap();
    answer.into_inner().items
}

fn item(product_id: &str, quantity: u32) -> CartItem {
    CartItem {
        product_id: product_id.to_owned(),
        quantity,
    }
}

#[test]
fn a_cart_holds_what_was_put_there_last_and_is_its_owners() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let ann = world.caller(&world.somebody("ann@example.com").await);
        let bob = world.caller(&world.somebody("bob@example.com").await);
        put(&world, &ann, "prd_2", 1).await.unwrap();
        put(&world, &ann, "prd_1", 7).await.unwrap();
        let cart = put(&world, &ann, "prd_2", 1_000).await.unwrap();
        assert_eq!(cart, [item("prd_1", 7), item("prd_2", 1_000)]);
        assert_eq!(get(&world, &ann).await, cart);
        assert_eq!(get(&world, &bob).await, []);
        for _ in 0..2 {
            let request = DeleteCartItemRequest {
                product_id: "prd_1".to_owned(),
            };
            let answer = world.api.delete_cart_item(by(&ann, request)).await.unwrap();
            assert_eq!(answer.into_inner().items, [item("prd_2", 1_000)]);
        }
    });
}

#[test]
fn a_full_cart_takes_no_other_product_even_from_two_at_once() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let ann = world.caller(&world.somebody("ann@example.com").await);
        let user_id = ann.user_id().unwrap().to_owned();
        for n in 1..MOST_LINES {
            world
                .api
                .carts
                .put(&user_id, &format!("prd_{n}"), 1)
                .await
                .unwrap();
        }
        let rivals: Vec<_> = (0..4)
            .map(|n| {
                let (carts, user_id) = (world.api.carts.clone(), user_id.clone());
                tokio::spawn(async move { carts.put(&user_id, &format!("rival_{n}"), 1).await })
            })
            .collect();
        let mut put_in = 0;
        for rival in rivals {
            match rival.await.unwrap() {
                Ok(()) => put_in += 1,
                Err(failure) => assert_eq!(failure.code, Code::Invalid),
            }
        }
        assert_eq!(put_in, 1);
        let failure = put(&world, &ann, "one_more", 1).await.unwrap_err();
        assert_eq!(
            (failure.code, failure.fields[0].field.as_str()),
            (Code::Invalid, "product_id")
        );
        let cart = put(&world, &ann, "prd_1", 2).await.unwrap();
        assert_eq!(i64::try_from(cart.len()), Ok(MOST_LINES));
    });
}

#[test]
fn what_has_run_out_is_not_in_the_cart_and_takes_no_room() {
    on_each_place(async |url| {
        let rules = Rules {
            cart_for: Duration::ZERO,
            ..Rules::default()
        };
        let world = World::with(&url, rules).await;
        let ann = world.caller(&world.somebody("ann@example.com").await);
        let user_id = ann.user_id().unwrap();
        for n in 0..=MOST_LINES {
            world
                .api
                .carts
                .put(user_id, &format!("prd_{n}"), 1)
                .await
                .unwrap();
        }
        assert_eq!(get(&world, &ann).await, []);
        world.api.carts.sweep().await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM cart_items").await, 0);
    });
}

#[test]
fn a_service_has_no_cart() {
    on_each_place(async |url| {
        let world = World::open(&url).await;
        let service = Caller::Service {
            name: "order-service".to_owned(),
        };
        let failure = put(&world, &service, "prd_1", 1).await.unwrap_err();
        assert_eq!(failure.code, Code::Forbidden);
    });
}

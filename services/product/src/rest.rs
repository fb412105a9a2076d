//! This service's part of the REST API, on its own HTTP port: the catalogue and its pictures. Each call is one of the gRPC
//! contract.

use axum::Router;
use axum::http::Method;
use service_common::auth::{Access, Guard};
use service_common::failure::Failure;
use service_common::rest::{Answer, Inbound, Port, Takes, answer, images, products};
use tonic::Response;
use weir_rpc::product::v1::product_service_server::ProductService;

use crate::api::Api;

const IMAGE: &str = "/api/v1/products/{product_id}/image";

/// All of it.
pub(crate) fn router(api: &Api, guard: Guard) -> Router {
    let open = |method, path| (method, path, Access::Open, Takes::Nothing);
    Port::new(guard)
        .on(open(Method::GET, "/api/v1/products"), api, list)
        .on(open(Method::GET, "/api/v1/products/search"), api, search)
        .on(open(Method::GET, "/api/v1/products/{product_id}"), api, get)
        .on(open(Method::GET, IMAGE), api, get_image)
        .on(
            (Method::PUT, IMAGE, Access::Trusted, Takes::Picture),
            api,
            put_image,
        )
        .on(
            (Method::DELETE, IMAGE, Access::Trusted, Takes::Nothing),
            api,
            delete_image,
        )
        .router()
}

async fn list(api: Api, inbound: Inbound) -> Answer {
    let page = api.list_products(inbound.with(products::list(&inbound)?)).await?;
    products::page(page.into_inner())
}

async fn search(api: Api, inbound: Inbound) -> Answer {
    let found = api
        .search_products(inbound.with(products::search(&inbound)?))
        .await;
    products::found(found.map(Response::into_inner).map_err(Failure::from))
}

async fn get(api: Api, inbound: Inbound) -> Answer {
    let product = api.get_product(inbound.with(products::get(&inbound))).await?;
    Ok(answer::json(products::product(product.into_inner())?))
}

async fn get_image(api: Api, inbound: Inbound) -> Answer {
    let (message, wanted) = images::get(&inbound)?;
    let image = api.get_image(inbound.with(message)).await?;
    images::picture(image.into_inner(), wanted.as_deref())
}

async fn put_image(api: Api, inbound: Inbound) -> Answer {
    let product = api.put_image(inbound.with(images::put(&inbound))).await?;
    Ok(answer::json(products::product(product.into_inner())?))
}

async fn delete_image(api: Api, inbound: Inbound) -> Answer {
    api.delete_image(inbound.with(images::delete(&inbound))).await?;
    answer::nothing()
}

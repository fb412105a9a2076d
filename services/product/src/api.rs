//! The gRPC contract.

use service_common::ids::is_id;
use tonic::{Request, Response, Status};
use weir_rpc::common::v1::{Empty, HealthStatus};
use weir_rpc::product::v1::product_service_server::ProductService;
use weir_rpc::product::v1::{
    AddStockRequest, GetProductRequest, ListProductsRequest, ListProductsResponse, ProductResponse,
    PutProductRequest, ReleaseStockRequest, ReserveStockRequest, ReserveStockResponse, SearchRequest,
    SearchResponse, SellStockRequest,
};

use crate::catalogue::{Products, not_found};
use crate::cursor::Cursor;
use crate::{message, request};

/// The service as others call it.
#[derive(Clone)]
pub struct Api(pub Products);

#[tonic::async_trait]
impl ProductService for Api {
    async fn get_product(
        &self,
        request: Request<GetProductRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        let id = &request.get_ref().product_id;
        if !is_id(id) {
            return Err(not_found().into());
        }
        Ok(Response::new(message::product(self.0.get(id).await?)))
    }

    async fn list_products(
        &self,
        request: Request<ListProductsRequest>,
    ) -> Result<Response<ListProductsResponse>, Status> {
        let (start, limit) = request::page(request.get_ref())?;
        let page = self.0.list(start, limit).await?;
        Ok(Response::new(ListProductsResponse {
            total: self.0.count().await?,
            products: page.products.into_iter().map(message::product).collect(),
            next_cursor: text(page.next),
        }))
    }

    async fn search_products(
        &self,
        request: Request<SearchRequest>,
    ) -> Result<Response<SearchResponse>, Status> {
        let (search, limit) = request::search(request.get_ref())?;
        let page = self.0.search(&search, limit).await?;
        Ok(Response::new(SearchResponse {
            results: page.products.into_iter().map(message::product).collect(),
            next_cursor: text(page.next),
        }))
    }

    async fn health_check(&self, _request: Request<Empty>) -> Result<Response<HealthStatus>, Status> {
        Ok(Response::new(HealthStatus {
            status: "healthy".to_owned(),
        }))
    }

    async fn put_product(
        &self,
        request: Request<PutProductRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        let details = request::details(request.into_inner())?;
        Ok(Response::new(message::product(self.0.put(&details).await?)))
    }

    async fn add_stock(
        &self,
        request: Request<AddStockRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        let change = request::change(request.into_inner())?;
        Ok(Response::new(message::product(self.0.add_stock(&change).await?)))
    }

    async fn reserve_stock(
        &self,
        request: Request<ReserveStockRequest>,
    ) -> Result<Response<ReserveStockResponse>, Status> {
        let (order_id, lines) = request::reserve(request.into_inner())?;
        let outcome = self.0.reserve(&order_id, &lines).await?;
        Ok(Response::new(message::outcome(outcome)))
    }

    async fn release_stock(&self, request: Request<ReleaseStockRequest>) -> Result<Response<Empty>, Status> {
        let order_id = request::order_id(&request.get_ref().order_id)?;
        self.0.release(order_id).await?;
        Ok(Response::new(Empty {}))
    }

    async fn sell_stock(&self, request: Request<SellStockRequest>) -> Result<Response<Empty>, Status> {
        let order_id = request::order_id(&request.get_ref().order_id)?;
        self.0.sell(order_id).await?;
        Ok(Response::new(Empty {}))
    }
}

/// A cursor as it is answered: empty on the last page.
fn text(cursor: Option<Cursor>) -> String {
    cursor.map_or_else(String::new, |cursor| cursor.to_string())
}

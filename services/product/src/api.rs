//! The gRPC contract.

use service_common::failure::Failure;
use service_common::ids::is_id;
use tonic::{Request, Response, Status};
use weir_rpc::common::v1::{Empty, HealthStatus};
use weir_rpc::product::v1::product_service_server::ProductService;
use weir_rpc::product::v1::{
    AddStockRequest, DeleteImageRequest, GetImageRequest, GetProductRequest, ImageResponse,
    ListProductsRequest, ListProductsResponse, ProductResponse, PutImageRequest, PutProductRequest,
    ReleaseStockRequest, ReserveStockRequest, ReserveStockResponse, SearchRequest, SearchResponse,
    SellStockRequest,
};

use crate::catalogue::{Products, not_found};
use crate::cursor::Cursor;
use crate::images::Images;
use crate::{message, request};

/// The service as others call it.
#[derive(Clone)]
pub struct Api {
    /// The catalogue and the stock.
    pub products: Products,
    /// Their pictures.
    pub images: Images,
}

#[tonic::async_trait]
impl ProductService for Api {
    async fn get_product(
        &self,
        request: Request<GetProductRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        let id = known(&request.get_ref().product_id)?;
        Ok(Response::new(message::product(self.products.get(id).await?)))
    }

    async fn list_products(
        &self,
        request: Request<ListProductsRequest>,
    ) -> Result<Response<ListProductsResponse>, Status> {
        let (start, limit) = request::page(request.get_ref())?;
        let page = self.products.list(start, limit).await?;
        Ok(Response::new(ListProductsResponse {
            total: self.products.count().await?,
            products: page.products.into_iter().map(message::product).collect(),
            next_cursor: text(page.next),
        }))
    }

    async fn search_products(
        &self,
        request: Request<SearchRequest>,
    ) -> Result<Response<SearchResponse>, Status> {
        let (search, limit) = request::search(request.get_ref())?;
        let page = self.products.search(&search, limit).await?;
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
        Ok(Response::new(message::product(
            self.products.put(&details).await?,
        )))
    }

    async fn add_stock(
        &self,
        request: Request<AddStockRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        let change = request::change(request.into_inner())?;
        Ok(Response::new(message::product(
            self.products.add_stock(&change).await?,
        )))
    }

    async fn get_image(&self, request: Request<GetImageRequest>) -> Result<Response<ImageResponse>, Status> {
        let GetImageRequest {
            product_id,
            known_image_ids,
        } = request.get_ref();
        let image = self.images.get(known(product_id)?, known_image_ids).await?;
        Ok(Response::new(message::image(image)))
    }

    async fn put_image(
        &self,
        request: Request<PutImageRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        let PutImageRequest { product_id, content } = request.into_inner();
        let product = self.images.put(known(&product_id)?, content.into()).await?;
        Ok(Response::new(message::product(product)))
    }

    async fn delete_image(
        &self,
        request: Request<DeleteImageRequest>,
    ) -> Result<Response<ProductResponse>, Status> {
        let product = self.images.remove(known(&request.get_ref().product_id)?).await?;
        Ok(Response::new(message::product(product)))
    }

    async fn reserve_stock(
        &self,
        request: Request<ReserveStockRequest>,
    ) -> Result<Response<ReserveStockResponse>, Status> {
        let (order_id, lines) = request::reserve(request.into_inner())?;
        let outcome = self.products.reserve(&order_id, &lines).await?;
        Ok(Response::new(message::outcome(outcome)))
    }

    async fn release_stock(&self, request: Request<ReleaseStockRequest>) -> Result<Response<Empty>, Status> {
        let order_id = request::order_id(&request.get_ref().order_id)?;
        self.products.release(order_id).await?;
        Ok(Response::new(Empty {}))
    }

    async fn sell_stock(&self, request: Request<SellStockRequest>) -> Result<Response<Empty>, Status> {
        let order_id = request::order_id(&request.get_ref().order_id)?;
        self.products.sell(order_id).await?;
        Ok(Response::new(Empty {}))
    }
}

/// An id that can be one: of what cannot there is no product.
fn known(id: &str) -> Result<&str, Failure> {
    match is_id(id) {
        true => Ok(id),
        false => Err(not_found()),
    }
}

/// A cursor as it is answered: empty on the last page.
fn text(cursor: Option<Cursor>) -> String {
    cursor.map_or_else(String::new, |cursor| cursor.to_string())
}

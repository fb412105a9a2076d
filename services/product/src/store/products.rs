//! Products and their stock.

use std::collections::HashMap;

use service_common::database::{Database, Row, Statement, Transaction};
use sqlx::{AssertSqlSafe, Row as _};

use super::price;
use crate::product::{Details, Price, Product, Search, Start};
use crate::words::{Word, fold};

macro_rules! columns {
    () => {
        "id, name, description, category, price, currency, stock, position, image"
    };
}

/// A product as it is at this moment.
///
/// # Errors
/// The database failed.
pub(crate) async fn get(database: &Database, id: &str) -> sqlx::Result<Option<Product>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM products WHERE id = $1"))
        .bind(id)
        .fetch_optional(database.pool())
        .await?;
    row.as_ref().map(read).transpose()
}

/// At most so many products, those that were made first first.
///
/// # Errors
/// The database failed.
pub(crate) async fn list(database: &Database, start: Start, limit: i64) -> sqlx::Result<Vec<Product>> {
    let (behind, skip) = match start {
        Start::Skip(skip) => (0, i64::from(skip)),
        Start::Behind(cursor) => (cursor.position(), 0),
    };
    let rows = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM products WHERE position > $1 ORDER BY position LIMIT $2 OFFSET $3"
    ))
    .bind(behind)
    .bind(limit)
    .bind(skip)
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(read).collect()
}

/// How many products there are.
///
/// # Errors
/// The database failed.
pub(crate) async fn count(database: &Database) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT COUNT(*) FROM products")
        .fetch_one(database.pool())
        .await
}

/// At most so many of the products looked for, those that were made first first.
///
/// # Errors
/// The database failed.
pub(crate) async fn search(database: &Database, search: &Search, limit: i64) -> sqlx::Result<Vec<Product>> {
    let mut query = Conditions::default();
    if let Some(category) = &search.category {
        query.and("category = ", Value::Text(category.clone()), "");
    }
    if let Some(least) = search.least {
        query.and("price >= ", Value::Number(least), "");
    }
    if let Some(most) = search.most {
        query.and("price <= ", Value::Number(most), "");
    }
    for word in &search.words {
        query.and("folded LIKE ", Value::Text(word.pattern()), LIKE_END);
    }
    let statement = format!(
        concat!(
            "SELECT ",
            columns!(),
            " FROM products WHERE position > $1{} ORDER BY position LIMIT $2"
        ),
        query.text
    );
    // Made of constants and the numbers of places.
    let mut statement = sqlx::query(AssertSqlSafe(statement))
        .bind(search.behind.position())
        .bind(limit);
    for value in query.values {
        statement = match value {
            Value::Text(text) => statement.bind(text),
            Value::Number(number) => statement.bind(number),
        };
    }
    let rows = statement.fetch_all(database.pool()).await?;
    rows.iter().map(read).collect()
}

const LIKE_END: &str = " ESCAPE '!'";
const _: () = assert!(Word::ESCAPE == '!');

/// Further conditions of a statement, and what stands in their places: from the third one on.
#[derive(Default)]
struct Conditions {
    text: String,
    values: Vec<Value>,
}

enum Value {
    Text(String),
    Number(i64),
}

impl Conditions {
    fn and(&mut self, before: &'static str, value: Value, behind: &'static str) {
        let place = self.values.len() + 3;
        self.text.push_str(&format!(" AND {before}${place}{behind}"));
        self.values.push(value);
    }
}

/// Makes a product, behind all others and without stock, or changes what is told of it.
///
/// # Errors
/// The database failed.
pub(crate) async fn put(transaction: &mut Transaction, details: &Details) -> sqlx::Result<Product> {
    // A line break belongs to no word, so none is found across it.
    let folded = fold(&format!("{}\n{}", details.name, details.description));
    let changed = sqlx::query(concat!(
        "UPDATE products SET name = $2, description = $3, category = $4, price = $5, currency = $6, folded = $7 \
         WHERE id = $1 RETURNING ",
        columns!()
    ))
    .bind(&details.id)
    .bind(&details.name)
    .bind(&details.description)
    .bind(&details.category)
    .bind(details.price.amount.minor())
    .bind(details.price.currency.as_str())
    .bind(&folded)
    .fetch_optional(&mut **transaction)
    .await?;
    if let Some(row) = changed {
        return read(&row);
    }
    // Locks the counter until the end of the transaction, so that positions become visible in their sequence.
    let position: i64 =
        sqlx::query_scalar("UPDATE catalogue SET last_position = last_position + 1 RETURNING last_position")
            .fetch_one(&mut **transaction)
            .await?;
    // Somebody else may have made it while this one waited for the counter.
    let row = sqlx::query(concat!(
        "INSERT INTO products (id, name, description, category, price, currency, folded, position, stock) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description, \
         category = excluded.category, price = excluded.price, currency = excluded.currency, folded = excluded.folded \
         RETURNING ",
        columns!()
    ))
    .bind(&details.id)
    .bind(&details.name)
    .bind(&details.description)
    .bind(&details.category)
    .bind(details.price.amount.minor())
    .bind(details.price.currency.as_str())
    .bind(&folded)
    .bind(position)
    .fetch_one(&mut **transaction)
    .await?;
    read(&row)
}

/// What an order learns of a product.
pub(crate) struct Offer {
    pub(crate) price: Price,
    pub(crate) stock: i64,
}

/// Those of these products that exist, as they were at one moment.
///
/// # Errors
/// The database failed.
pub(crate) async fn offers<'a>(
    database: &Database,
    ids: impl ExactSizeIterator<Item = &'a str>,
) -> sqlx::Result<HashMap<String, Offer>> {
    let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
    let places = places.join(", ");
    let statement = format!("SELECT id, price, currency, stock FROM products WHERE id IN ({places})");
    // Made of constants and the numbers of places.
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for id in ids {
        query = query.bind(id);
    }
    let rows = query.fetch_all(database.pool()).await?;
    let offers = rows.iter().map(|row| {
        let offer = Offer {
            price: read_price(row)?,
            stock: row.try_get("stock")?,
        };
        Ok((row.try_get("id")?, offer))
    });
    offers.collect()
}

/// Takes from a product's stock. Without a row nothing is taken: there is too little.
pub(crate) fn take(id: &str, quantity: i64) -> Statement {
    Statement::new("UPDATE products SET stock = stock - $2 WHERE id = $1 AND stock >= $2 RETURNING id")
        .bind(id)
        .bind(quantity)
}

/// Adds to a product's stock what an order gives back.
///
/// # Errors
/// The database failed.
pub(crate) async fn give_back(transaction: &mut Transaction, id: &str, quantity: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE products SET stock = stock + $2 WHERE id = $1")
        .bind(id)
        .bind(quantity)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Gives a product that exists a picture, or takes it away.
///
/// # Errors
/// The database failed.
pub(crate) async fn set_image(
    transaction: &mut Transaction,
    id: &str,
    image: Option<&str>,
) -> sqlx::Result<Product> {
    let row = sqlx::query(concat!(
        "UPDATE products SET image = $2 WHERE id = $1 RETURNING ",
        columns!()
    ))
    .bind(id)
    .bind(image)
    .fetch_one(&mut **transaction)
    .await?;
    read(&row)
}

/// Changes a product's stock; `None`, and nothing is changed, where it does not exist or its stock would not be between 0
/// and `most`.
///
/// # Errors
/// The database failed.
pub(crate) async fn change_stock(
    transaction: &mut Transaction,
    id: &str,
    change: i64,
    most: i64,
) -> sqlx::Result<Option<Product>> {
    let row = sqlx::query(concat!(
        "UPDATE products SET stock = stock + $2 WHERE id = $1 AND stock + $2 >= 0 AND stock + $2 <= $3 RETURNING ",
        columns!()
    ))
    .bind(id)
    .bind(change)
    .bind(most)
    .fetch_optional(&mut **transaction)
    .await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &Row) -> sqlx::Result<Product> {
    Ok(Product {
        details: Details {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            description: row.try_get("description")?,
            category: row.try_get("category")?,
            price: read_price(row)?,
        },
        stock: row.try_get("stock")?,
        position: row.try_get("position")?,
        image: row.try_get("image")?,
    })
}

fn read_price(row: &Row) -> sqlx::Result<Price> {
    price(row.try_get("price")?, row.try_get::<&str, _>("currency")?)
}

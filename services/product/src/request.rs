//! Requests, judged: all their faults at once.

use service_common::failure::{Failure, FieldFaults};
use service_common::ids::{judge_id, new_id};
use weir_proto::Money;
use weir_rpc::product::v1 as rpc;

use crate::cursor::Cursor;
use crate::product::{Change, Currency, Details, Price, Search, Start};
use crate::reservation::Line;
use crate::words::Word;

/// How many products a page has unless the caller says.
const PAGE: u32 = 10;
/// The most products of a page.
const LARGEST_PAGE: u32 = 100;
/// The longest name, in characters.
const LONGEST_NAME: usize = 200;
/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 5_000;
/// The longest name of a category, in characters.
const LONGEST_CATEGORY: usize = 100;
/// The longest text that is looked for, in characters.
const LONGEST_QUERY: usize = 200;
/// The most words that are looked for.
const MOST_WORDS: usize = 16;
/// The most lines of an order.
const MOST_LINES: usize = 100;
/// The most of a product in a line.
const MOST_OF_A_PRODUCT: u32 = 10_000;
/// The most that stock is changed by at a time.
const LARGEST_CHANGE: i64 = 1_000_000_000;

/// Which page of the catalogue is wanted, and how many products it has at most.
///
/// # Errors
/// Each field that is wrong.
pub(crate) fn page(request: &rpc::ListProductsRequest) -> Result<(Start, usize), Failure> {
    let mut faults = FieldFaults::default();
    let limit = limit(&mut faults, request.limit);
    let start = match request.cursor.as_str() {
        "" => Start::Skip(request.skip),
        _ if request.skip > 0 => {
            faults.add("skip", "not together with a cursor");
            Start::Skip(0)
        }
        text => Start::Behind(cursor(&mut faults, text)),
    };
    faults.check()?;
    Ok((start, limit))
}

/// Which products are looked for, and how many are wanted at most.
///
/// # Errors
/// Each field that is wrong.
pub(crate) fn search(request: &rpc::SearchRequest) -> Result<(Search, usize), Failure> {
    let mut faults = FieldFaults::default();
    if request.q.chars().count() > LONGEST_QUERY {
        faults.add("q", format!("longer than {LONGEST_QUERY} characters"));
    } else if request.q.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        faults.add("q", "holds control characters");
    }
    let words = Word::all_of(&request.q);
    if words.len() > MOST_WORDS {
        faults.add(
            "q",
            format!("{} words; at most {MOST_WORDS} are looked for", words.len()),
        );
    }
    let category = Some(request.category.as_str()).filter(|category| !category.is_empty());
    if let Some(category) = category {
        line_of_text(&mut faults, "category", category, LONGEST_CATEGORY);
    }
    let bounds = [
        ("min_price_minor_units", request.min_price_minor_units),
        ("max_price_minor_units", request.max_price_minor_units),
    ];
    for (field, bound) in bounds {
        if bound.is_some_and(|bound| bound < 0) {
            faults.add(field, "negative");
        }
    }
    if let (Some(least), Some(most)) = (request.min_price_minor_units, request.max_price_minor_units)
        && least > most
    {
        faults.add(
            "max_price_minor_units",
            format!("`{most}` is less than the other bound, `{least}`"),
        );
    }
    let behind = match request.cursor.as_str() {
        "" => Cursor::START,
        text => cursor(&mut faults, text),
    };
    let limit = limit(&mut faults, request.limit);
    faults.check()?;
    let search = Search {
        words,
        category: category.map(str::to_owned),
        least: request.min_price_minor_units,
        most: request.max_price_minor_units,
        behind,
    };
    Ok((search, limit))
}

/// What is to be told of a product.
///
/// # Errors
/// Each field that is wrong.
pub(crate) fn details(request: rpc::PutProductRequest) -> Result<Details, Failure> {
    let mut faults = FieldFaults::default();
    judge_id(&mut faults, "product_id", &request.product_id);
    line_of_text(&mut faults, "name", &request.name, LONGEST_NAME);
    line_of_text(&mut faults, "category", &request.category, LONGEST_CATEGORY);
    if request.description.chars().count() > LONGEST_DESCRIPTION {
        faults.add(
            "description",
            format!("longer than {LONGEST_DESCRIPTION} characters"),
        );
    } else if request
        .description
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    {
        faults.add(
            "description",
            "holds control characters other than line breaks and tabs",
        );
    }
    let price = request.price.unwrap_or_else(|| {
        faults.add("price", "missing");
        weir_rpc::common::v1::Money {
            minor_units: 0,
            currency: "USD".to_owned(),
        }
    });
    let amount = Money::from_minor(price.minor_units).ok_or("negative");
    let amount = faults.take("price.minor_units", amount);
    let currency = faults.take("price.currency", price.currency.parse::<Currency>());
    let price = amount.zip(currency);
    faults.check()?;
    let (amount, currency) = price.ok_or_else(|| Failure::internal("a price without a fault is none"))?;
    Ok(Details {
        id: request.product_id,
        name: request.name,
        description: request.description,
        category: request.category,
        price: Price { amount, currency },
    })
}

/// A change of stock; one without an id gets one of its own.
///
/// # Errors
/// Each field that is wrong.
pub(crate) fn change(request: rpc::AddStockRequest) -> Result<Change, Failure> {
    let mut faults = FieldFaults::default();
    judge_id(&mut faults, "product_id", &request.product_id);
    if !request.change_id.is_empty() {
        judge_id(&mut faults, "change_id", &request.change_id);
    }
    let is_change = (1..=LARGEST_CHANGE.unsigned_abs()).contains(&request.change.unsigned_abs());
    if !is_change {
        faults.add(
            "change",
            format!(
                "`{}` is not between 1 and {LARGEST_CHANGE}, with a minus or without",
                request.change
            ),
        );
    }
    faults.check()?;
    let id = match request.change_id {
        id if id.is_empty() => new_id("chg"),
        id => id,
    };
    Ok(Change {
        id,
        product_id: request.product_id,
        change: request.change,
    })
}

/// An order and what it wants.
///
/// # Errors
/// Each field that is wrong.
pub(crate) fn reserve(request: rpc::ReserveStockRequest) -> Result<(String, Vec<Line>), Failure> {
    let mut faults = FieldFaults::default();
    judge_id(&mut faults, "order_id", &request.order_id);
    let count = request.lines.len();
    if count == 0 || count > MOST_LINES {
        faults.add("lines", format!("{count} lines; an order has 1 to {MOST_LINES}"));
    }
    for (n, line) in request.lines.iter().enumerate().take(MOST_LINES) {
        judge_id(&mut faults, &format!("lines[{n}].product_id"), &line.product_id);
        if line.quantity == 0 || line.quantity > MOST_OF_A_PRODUCT {
            faults.add(
                format!("lines[{n}].quantity"),
                format!("`{}` is not between 1 and {MOST_OF_A_PRODUCT}", line.quantity),
            );
        }
    }
    faults.check()?;
    let lines = request.lines.into_iter().map(|line| Line {
        product_id: line.product_id,
        quantity: line.quantity,
    });
    Ok((request.order_id, lines.collect()))
}

/// The id of an order.
///
/// # Errors
/// It cannot be one.
pub(crate) fn order_id(text: &str) -> Result<&str, Failure> {
    let mut faults = FieldFaults::default();
    judge_id(&mut faults, "order_id", text);
    faults.check()?;
    Ok(text)
}

fn line_of_text(faults: &mut FieldFaults, field: &str, text: &str, longest: usize) {
    if text.trim().is_empty() {
        faults.add(field, "missing");
    } else if text.chars().count() > longest {
        faults.add(field, format!("longer than {longest} characters"));
    } else if text.chars().any(char::is_control) {
        faults.add(field, "holds control characters");
    }
}

fn limit(faults: &mut FieldFaults, limit: u32) -> usize {
    if limit > LARGEST_PAGE {
        faults.add("limit", format!("`{limit}` is more than {LARGEST_PAGE}"));
    }
    match limit {
        0 => PAGE as usize,
        limit => limit as usize,
    }
}

fn cursor(faults: &mut FieldFaults, text: &str) -> Cursor {
    faults.take("cursor", text.parse()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use service_common::ids::{LONGEST_ID, is_id};
    use weir_rpc::common::v1::Money as RpcMoney;

    use super::*;

    fn faults<T: std::fmt::Debug>(judged: Result<T, Failure>) -> Vec<String> {
        let failure = judged.unwrap_err();
        failure.fields.into_iter().map(|fault| fault.field).collect()
    }

    type Spoil = fn(&mut rpc::PutProductRequest);

    fn good_product() -> rpc::PutProductRequest {
        rpc::PutProductRequest {
            product_id: "kb-1".to_owned(),
            name: "é".repeat(LONGEST_NAME),
            description: "ü\n".repeat(LONGEST_DESCRIPTION / 2),
            category: "keyboards".to_owned(),
            price: Some(RpcMoney {
                minor_units: 0,
                currency: "USD".to_owned(),
            }),
        }
    }

    #[test]
    fn a_product_at_its_bounds_is_taken_and_beyond_them_refused() {
        details(good_product()).unwrap();
        let changes: [(&str, Spoil); 8] = [
            ("product_id", |product| product.product_id.push(' ')),
            ("product_id", |product| {
                product.product_id = "x".repeat(LONGEST_ID + 1)
            }),
            ("name", |product| product.name.push('x')),
            ("name", |product| product.name = "\0".to_owned()),
            ("description", |product| product.description.push('x')),
            ("description", |product| product.description = "\0".to_owned()),
            ("category", |product| product.category = "a\nb".to_owned()),
            ("price", |product| product.price = None),
        ];
        for (field, change) in changes {
            let mut product = good_product();
            change(&mut product);
            assert_eq!(faults(details(product)), [field]);
        }
    }

    #[test]
    fn all_faults_of_a_product_are_told_at_once() {
        let product = rpc::PutProductRequest {
            price: Some(RpcMoney {
                minor_units: -1,
                currency: "usd".to_owned(),
            }),
            ..rpc::PutProductRequest::default()
        };
        let all = [
            "product_id",
            "name",
            "category",
            "price.minor_units",
            "price.currency",
        ];
        assert_eq!(faults(details(product)), all);
    }

    #[test]
    fn a_page_begins_at_a_cursor_or_at_a_number_and_has_at_most_a_hundred() {
        let request = |skip, limit, cursor: &str| rpc::ListProductsRequest {
            skip,
            limit,
            cursor: cursor.to_owned(),
        };
        assert_eq!(page(&request(0, 0, "")), Ok((Start::Skip(0), 10)));
        assert_eq!(page(&request(7, 100, "")), Ok((Start::Skip(7), 100)));
        assert_eq!(
            page(&request(0, 1, "9")),
            Ok((Start::Behind(Cursor::behind(9)), 1))
        );
        assert_eq!(faults(page(&request(1, 101, "9"))), ["limit", "skip"]);
        assert_eq!(faults(page(&request(0, 1, "x"))), ["cursor"]);
    }

    #[test]
    fn all_faults_of_a_search_are_told_at_once() {
        let request = rpc::SearchRequest {
            q: "a\0b".to_owned(),
            category: "\u{7}".to_owned(),
            min_price_minor_units: Some(-1),
            max_price_minor_units: Some(-2),
            cursor: "x".to_owned(),
            limit: 1_000,
        };
        let all = [
            "q",
            "category",
            "min_price_minor_units",
            "max_price_minor_units",
            "max_price_minor_units",
            "cursor",
            "limit",
        ];
        assert_eq!(faults(search(&request)), all);
        for q in ["x".repeat(LONGEST_QUERY + 1), "x ".repeat(MOST_WORDS + 1)] {
            let request = rpc::SearchRequest {
                q,
                ..rpc::SearchRequest::default()
            };
            assert_eq!(faults(search(&request)), ["q"]);
        }
    }

    #[test]
    fn a_change_of_stock_is_some_and_has_an_id() {
        let request = |change: i64, id: &str| rpc::AddStockRequest {
            product_id: "kb-1".to_owned(),
            change,
            change_id: id.to_owned(),
        };
        assert_eq!(change(request(-5, "c-1")).unwrap().id, "c-1");
        let made = [
            change(request(5, "")).unwrap().id,
            change(request(5, "")).unwrap().id,
        ];
        assert!(made[0] != made[1] && is_id(&made[0]), "{made:?}");
        for wrong in [0, i64::MIN, i64::MAX, LARGEST_CHANGE + 1, -LARGEST_CHANGE - 1] {
            assert_eq!(
                faults(change(request(wrong, "c 1"))),
                ["change_id", "change"],
                "{wrong}"
            );
        }
    }

    #[test]
    fn an_order_has_one_to_a_hundred_lines_of_some_product() {
        let line = |product: &str, quantity| rpc::Line {
            product_id: product.to_owned(),
            quantity,
        };
        let request = |lines| rpc::ReserveStockRequest {
            order_id: "ord_1".to_owned(),
            lines,
        };
        let (order_id, lines) = reserve(request(vec![line("kb-1", 10_000); 100])).unwrap();
        assert_eq!((order_id.as_str(), lines.len()), ("ord_1", 100));
        assert_eq!(faults(reserve(request(vec![]))), ["lines"]);
        assert_eq!(faults(reserve(request(vec![line("kb-1", 1); 101]))), ["lines"]);
        let wrong = vec![line("kb-1", 1), line("", 0), line("é", 10_001)];
        let all = [
            "lines[1].product_id",
            "lines[1].quantity",
            "lines[2].product_id",
            "lines[2].quantity",
        ];
        assert_eq!(faults(reserve(request(wrong))), all);
        assert_eq!(faults(super::order_id("")), ["order_id"]);
    }
}

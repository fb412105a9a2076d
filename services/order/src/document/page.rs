//! The page of a document.

use std::fmt::Write;

use service_common::failure::Failure;
use weir_proto::{Money, MoneySum, Timestamp};

use super::Kind;
use super::escape::Text;
use crate::order::{Address, Line, Order};

/// No part of it comes from elsewhere, on screen and on paper.
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:46em;margin:3em auto;padding:0 1.5em}\
h1{font-size:1.6em;margin:0 0 1em}table{border-collapse:collapse;width:100%;margin:2em 0}\
th,td{padding:.4em .6em;border-bottom:1px solid #ddd;text-align:left}th.n,td.n{text-align:right;white-space:nowrap}\
tfoot td{font-weight:bold;border:0}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2em 1.5em}dd{margin:0}\
.parties{display:flex;gap:4em;flex-wrap:wrap}h2{font-size:1em;margin:0}address{font-style:normal}";

/// Makes the page.
///
/// # Errors
/// The order lacks what a paid one has: a fault of ours.
pub(super) fn of(order: &Order, kind: Kind, seller: &str) -> Result<String, Failure> {
    let missing = || Failure::internal(format!("order {} is paid and has no amount or moment", order.id));
    let total = order.total.ok_or_else(missing)?;
    let taken = order.created_at_ms.ok_or_else(missing)?;
    let mut page = String::with_capacity(4_096);
    // Into a text nothing fails.
    let _ = write(&mut page, order, kind, seller, total, taken);
    Ok(page)
}

fn write(
    page: &mut String,
    order: &Order,
    kind: Kind,
    seller: &str,
    total: Money,
    taken_ms: i64,
) -> std::fmt::Result {
    let (title, sign) = match kind {
        Kind::Invoice => ("Invoice", ""),
        Kind::CreditNote => ("Credit note", "−"),
    };
    let (id, currency) = (Text(&order.id), Text(&order.currency));
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n<dl><dt>Number</dt><dd>{id}</dd>\
         <dt>Ordered</dt><dd>{}</dd>",
        moment(taken_ms)
    )?;
    if let Some(paid_ms) = order.paid_at_ms {
        write!(page, "<dt>Paid</dt><dd>{}</dd>", moment(paid_ms))?;
    }
    if let Some(payment) = &order.payment_id {
        write!(page, "<dt>Payment</dt><dd>{}</dd>", Text(payment))?;
    }
    if kind == Kind::CreditNote {
        let ended_ms = order.cancelled_at_ms.unwrap_or(order.updated_at_ms);
        write!(page, "<dt>Cancelled</dt><dd>{}</dd>", moment(ended_ms))?;
    }
    page.push_str("</dl>\n<div class=\"parties\"><div><h2>From</h2><address>");
    for (n, line) in seller.lines().enumerate() {
        let line_break = if n == 0 { "" } else { "<br>" };
        write!(page, "{line_break}{}", Text(line))?;
    }
    page.push_str("</address></div><div><h2>To</h2><address>");
    address(page, &order.address)?;
    write!(
        page,
        "</address></div></div>\n<table><thead><tr><th>Product</th><th class=\"n\">Quantity</th>\
         <th class=\"n\">Price</th><th class=\"n\">Amount</th></tr></thead>\n<tbody>\n"
    )?;
    for line in &order.lines {
        row(page, line, sign)?;
    }
    writeln!(
        page,
        "</tbody><tfoot><tr><td colspan=\"3\">Total in {currency}</td><td class=\"n\">{sign}{total}</td></tr></tfoot></table>"
    )?;
    if kind == Kind::CreditNote {
        writeln!(
            page,
            "<p>The order was cancelled after it was paid. Its invoice is void; {total} {currency} is given back the way it \
             was paid.</p>"
        )?;
    }
    page.push_str("</body></html>\n");
    Ok(())
}

fn address(page: &mut String, address: &Address) -> std::fmt::Result {
    let town = format!("{} {}", address.postal_code, address.city);
    let lines = [
        &address.name,
        &address.line1,
        &address.line2,
        &town,
        &address.country,
    ];
    let mut line_break = "";
    for line in lines.into_iter().filter(|line| !line.is_empty()) {
        write!(page, "{line_break}{}", Text(line))?;
        line_break = "<br>";
    }
    Ok(())
}

fn row(page: &mut String, line: &Line, sign: &str) -> std::fmt::Result {
    let price = line.unit_price.unwrap_or_default();
    let amount = MoneySum::from_minor(i128::from(price.minor()) * i128::from(line.quantity));
    writeln!(
        page,
        "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{price}</td><td class=\"n\">{sign}{amount}</td></tr>",
        Text(&line.product_id),
        line.quantity,
    )
}

/// In UTC, to the second.
fn moment(ms: i64) -> String {
    let Some(moment) = Timestamp::from_millis(ms - ms.rem_euclid(1_000)) else {
        return String::new();
    };
    moment.to_string().replace('T', " ").replace('Z', " UTC")
}

#[cfg(test)]
mod tests;

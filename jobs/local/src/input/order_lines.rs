//! A Parquet file with one row for each line of an order, such as UCI's Online Retail.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Row;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use super::cell::{Unit, is_readable, millis, text, unit};
use super::invoice::{Line, Sort, order};
use super::{Input, InputRecord};

/// Names of the columns that make an order: ours, and those of Online Retail.
const LAYOUTS: [[&str; 6]; 2] = [
    [
        "order_id",
        "user_id",
        "product_id",
        "quantity",
        "unit_price",
        "created_at",
    ],
    [
        "InvoiceNo",
        "CustomerID",
        "StockCode",
        "Quantity",
        "UnitPrice",
        "InvoiceDate",
    ],
];
/// The currency of Online Retail, which the file does not name.
const RETAIL_CURRENCY: &str = "GBP";

/// Reads the file and puts the lines of each order together.
pub(super) fn read(path: &Path, currency: Option<&str>) -> Result<Input> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let reader =
        SerializedFileReader::new(file).with_context(|| format!("{} is no Parquet file", path.display()))?;
    let schema = reader.metadata().file_metadata().schema();
    let Some((layout, columns)) = LAYOUTS
        .iter()
        .find_map(|layout| Some((layout, columns(schema, layout)?)))
    else {
        bail!(
            "{} has neither the columns {:?} nor {:?} in types that can be read",
            path.display(),
            LAYOUTS[0],
            LAYOUTS[1]
        );
    };
    let currency = match currency {
        Some(currency) => currency,
        None if layout == &LAYOUTS[1] => RETAIL_CURRENCY,
        None => "USD",
    };
    let time_unit = unit(&columns[5]);
    let wanted = Type::group_type_builder(schema.name())
        .with_fields(columns)
        .build()?;
    let lines = RowIter::from_file(Some(wanted), &reader)?
        .map(|row| line(row?, time_unit))
        .collect::<Result<Vec<Line>>>()
        .with_context(|| format!("cannot read {}", path.display()))?;
    let line_count = lines.len();
    let (records, sorts) = orders(lines, currency);
    let mut summary = vec![format!(
        "{} orders from {line_count} lines, in {currency}, times as UTC",
        records.len()
    )];
    summary.extend(
        sorts
            .iter()
            .map(|(sort, count)| format!("{count:>8} {}", meaning(*sort))),
    );
    Ok(Input {
        records,
        currency: currency.to_owned(),
        summary,
    })
}

/// The columns of the layout in its sequence, if the file has them all.
fn columns(schema: &Type, layout: &[&str; 6]) -> Option<Vec<Arc<Type>>> {
    layout
        .iter()
        .map(|name| {
            schema
                .get_fields()
                .iter()
                .find(|column| column.name() == *name && is_readable(column))
                .cloned()
        })
        .collect()
}

/// The row's values stand in the sequence of the layout, because that is how the columns were asked for.
fn line(row: Row, time_unit: Unit) -> Result<Line> {
    let values: Vec<_> = row.into_columns().into_iter().map(|(_, value)| value).collect();
    let [order_id, user_id, product_id, quantity, unit_price, created_at] = values.as_slice() else {
        bail!("a row has {} values instead of six", values.len());
    };
    Ok(Line {
        order_id: text(order_id).unwrap_or_default(),
        user_id: text(user_id),
        product_id: text(product_id).unwrap_or_default(),
        quantity: text(quantity).and_then(|digits| digits.parse().ok()),
        unit_price: text(unit_price),
        at_ms: millis(created_at, time_unit),
    })
}

/// The orders in the sequence of their first lines; lines of one order need not stand together.
fn orders(lines: Vec<Line>, currency: &str) -> (Vec<InputRecord>, BTreeMap<Sort, u64>) {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        let place = *places.entry(line.order_id.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(line);
    }
    let mut sorts = BTreeMap::new();
    let mut last_ms = groups.iter().flatten().find_map(|line| line.at_ms).unwrap_or(0);
    let records = groups
        .iter()
        .map(|group| {
            let (sort, record) = order(group, currency, last_ms);
            *sorts.entry(sort).or_default() += 1;
            last_ms = record.at_ms;
            record
        })
        .collect();
    (records, sorts)
}

fn meaning(sort: Sort) -> &'static str {
    match sort {
        Sort::Sound => "orders, counted",
        Sort::Cancellation => "cancellations, sent as order.cancelled: ignored",
        Sort::WithoutCustomer => "without a customer: refused, see orders-dlq",
        Sort::Impossible => "with a quantity or price that cannot be: refused, see orders-dlq",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_proto::order::{Event, read as read_order};

    fn line(order_id: &str, user_id: Option<&str>, quantity: i64, unit_price: &str) -> Line {
        Line {
            order_id: order_id.into(),
            user_id: user_id.map(str::to_owned),
            product_id: "85123A".into(),
            quantity: Some(quantity),
            unit_price: Some(unit_price.into()),
            at_ms: Some(1_291_192_000_000),
        }
    }

    #[test]
    fn lines_of_one_invoice_become_one_order_with_an_exact_total() {
        let (records, sorts) = orders(
            vec![
                line("1", Some("7"), 6, "2.55"),
                line("2", Some("7"), 1, "1"),
                line("1", Some("7"), 2, "0.1"),
            ],
            "GBP",
        );
        assert_eq!(sorts, BTreeMap::from([(Sort::Sound, 2)]));
        let Ok(Event::Created(order)) = read_order(&records[0].value) else {
            panic!("{records:?}")
        };
        assert_eq!((order.total_amount.minor(), order.total_items), (15_50, 8));
        assert_eq!(
            (&*order.order_id, &*order.user_id, &*order.currency),
            ("1", "7", "GBP")
        );
        assert_eq!(order.created_at.millis(), 1_291_192_000_000);
    }

    #[test]
    fn the_demo_data_is_read_whole_and_sorted_out() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/online-retail.parquet");
        let input = read(&path, None).unwrap();
        assert_eq!(input.currency, "GBP");
        assert_eq!(input.records.len(), 25_900);
        let counts: Vec<&str> = input
            .summary
            .iter()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(
            counts,
            ["25900", "18532", "3836", "3528", "4"],
            "{:?}",
            input.summary
        );
    }

    #[test]
    fn what_real_shops_have_is_sent_for_the_job_to_judge() {
        let (_, sorts) = orders(
            vec![
                line("C1", Some("7"), -6, "2.55"),
                line("2", None, 6, "2.55"),
                line("3", Some("7"), 6, "-2.55"),
                line("4", Some("7"), 6, "0.001"),
                line("5", Some("7"), -1, "1"),
                line("6", Some("7"), 1, "0"),
            ],
            "GBP",
        );
        let expected = [
            (Sort::Sound, 1),
            (Sort::Cancellation, 1),
            (Sort::WithoutCustomer, 1),
            (Sort::Impossible, 3),
        ];
        assert_eq!(sorts, BTreeMap::from(expected));
    }
}

//! Looking for products.

use product_service::{Cursor, Details, Search, Word};
use test_support::databases::on_each_database;

use crate::shop::{Shop, details, dollars};

const CATALOGUE: [(&str, &str, &str, &str, i64); 7] = [
    (
        "kb-1",
        "Compact Keyboard",
        "Quiet keys, 75% layout",
        "keyboards",
        6_495,
    ),
    (
        "kb-2",
        "Mechanical keyboard",
        "Loud keys; a_b layout",
        "keyboards",
        12_990,
    ),
    ("ms-1", "Mouse", "Goes with every KEYBOARD", "mice", 2_990),
    ("dr-1", "Becher Größe L", "Straße, café", "kitchen", 1_180),
    ("dr-2", "Кружка", "Ложка ΟΔΟΣ", "kitchen", 990),
    (
        "xx-1",
        "O'Brien's \"best\"",
        r"back\slash and bang! 750 axb",
        "misc",
        1,
    ),
    ("xx-2", "100", "percent", "misc", i64::MAX),
];

async fn shop(url: &str) -> Shop {
    let shop = Shop::open(url).await;
    for (id, name, description, category, price) in CATALOGUE {
        let told = Details {
            name: name.to_owned(),
            description: description.to_owned(),
            category: category.to_owned(),
            price: dollars(price),
            ..details(id)
        };
        shop.products.put(&told).await.unwrap();
    }
    shop
}

async fn found(shop: &Shop, search: &Search) -> Vec<String> {
    let page = shop.products.search(search, 100).await.unwrap();
    assert_eq!(page.next, None);
    page.products
        .into_iter()
        .map(|product| product.details.id)
        .collect()
}

fn words(text: &str) -> Search {
    Search {
        words: Word::all_of(text),
        ..Search::default()
    }
}

#[test]
fn every_word_must_occur_in_the_name_or_the_description() {
    on_each_database(async |url| {
        let shop = shop(&url).await;
        for (text, ids) in [
            ("keyboard", vec!["kb-1", "kb-2", "ms-1"]),
            ("KEYS board", vec!["kb-1", "kb-2"]),
            ("layout mechanical", vec!["kb-2"]),
            ("keyboard elephant", vec![]),
            // Words are parts of words, but not across the end of the name.
            ("ompac", vec!["kb-1"]),
            ("keyboardquiet", vec![]),
        ] {
            assert_eq!(found(&shop, &words(text)).await, ids, "{text}");
        }
        assert_eq!(found(&shop, &words("  ")).await.len(), CATALOGUE.len());
    });
}

#[test]
fn signs_of_the_database_stand_for_themselves() {
    on_each_database(async |url| {
        let shop = shop(&url).await;
        for (text, ids) in [
            ("75%", vec!["kb-1"]),
            ("%", vec!["kb-1"]),
            ("a_b", vec!["kb-2"]),
            ("_", vec!["kb-2"]),
            ("bang!", vec!["xx-1"]),
            ("!", vec!["xx-1"]),
            (r"\", vec!["xx-1"]),
            ("o'brien's", vec!["xx-1"]),
            ("\"best\"", vec!["xx-1"]),
            ("'; DROP TABLE products; --", vec![]),
            ("$1", vec![]),
            ("?", vec![]),
        ] {
            assert_eq!(found(&shop, &words(text)).await, ids, "{text}");
        }
    });
}

#[test]
fn case_makes_no_difference_in_any_script() {
    on_each_database(async |url| {
        let shop = shop(&url).await;
        for (text, id) in [
            ("GRÖSSE", "dr-1"),
            ("strasse", "dr-1"),
            ("CAFÉ", "dr-1"),
            ("КРУЖКА ложка", "dr-2"),
            ("οδος", "dr-2"),
        ] {
            assert_eq!(found(&shop, &words(text)).await, [id], "{text}");
        }
    });
}

#[test]
fn category_and_bounds_of_the_price_narrow_the_search() {
    on_each_database(async |url| {
        let shop = shop(&url).await;
        let all = Search::default();
        let kitchen = Search {
            category: Some("kitchen".to_owned()),
            ..all.clone()
        };
        assert_eq!(found(&shop, &kitchen).await, ["dr-1", "dr-2"]);
        let bounded = Search {
            least: Some(990),
            most: Some(2_990),
            ..all.clone()
        };
        assert_eq!(found(&shop, &bounded).await, ["ms-1", "dr-1", "dr-2"]);
        let both = Search {
            least: Some(991),
            ..kitchen.clone()
        };
        assert_eq!(found(&shop, &both).await, ["dr-1"]);
        let worded = Search {
            most: Some(10_000),
            category: Some("keyboards".to_owned()),
            ..words("keyboard")
        };
        assert_eq!(found(&shop, &worded).await, ["kb-1"]);
        let other = Search {
            category: Some("Kitchen".to_owned()),
            ..all
        };
        assert!(found(&shop, &other).await.is_empty());
    });
}

#[test]
fn pages_of_a_search_give_each_product_once() {
    on_each_database(async |url| {
        let shop = shop(&url).await;
        let mut search = words("keyboard");
        let mut ids = Vec::new();
        loop {
            let page = shop.products.search(&search, 1).await.unwrap();
            ids.extend(page.products.into_iter().map(|product| product.details.id));
            match page.next {
                Some(next) => search.behind = next,
                None => break,
            }
        }
        assert_eq!(ids, ["kb-1", "kb-2", "ms-1"]);
        assert_ne!(search.behind, Cursor::START);
    });
}

#[test]
fn a_product_is_found_by_what_is_told_of_it_now() {
    on_each_database(async |url| {
        let shop = shop(&url).await;
        shop.products.put(&details("kb-1")).await.unwrap();
        assert_eq!(found(&shop, &words("compact")).await, Vec::<String>::new());
        assert_eq!(found(&shop, &words("the kb-1")).await, ["kb-1"]);
    });
}

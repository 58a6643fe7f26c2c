//! What is missing or makes no sense, and where the answer is found instead.

use super::*;
use crate::facts::TransformQuantity;

fn message(state: &SubscriptionState, book: &Book) -> String {
    priced(state, book).unwrap_err().to_string()
}

fn invoice_line(amount: i64, start: &str, end: &str) -> InvoiceLine {
    InvoiceLine { amount, period_start: Some(at(start)), period_end: Some(at(end)), ..InvoiceLine::default() }
}

fn june(amount: i64) -> InvoiceLine {
    invoice_line(amount, "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z")
}

#[test]
fn tiers_that_the_payload_leaves_out_come_from_the_catalog() {
    let mut book = Book::default();
    book.tiers.insert("price_1".to_owned(), three_tiers());
    for shown in [None, Some(vec![])] {
        let state = subscription([tiered("graduated", shown, 25)], &[]);
        assert_eq!(net(&state, &book), 19_500_000_000);
    }
}

#[test]
fn a_price_that_cannot_be_computed_is_read_from_its_last_invoice_line() {
    let mut no_amount = item(0, 1, "month");
    no_amount.price.unit_amount = None;
    let mut default_currency = item(5_000, 1, "month");
    "eur".clone_into(&mut default_currency.price.currency);
    for item in [
        tiered("graduated", None, 25),
        tiered("spiral", Some(three_tiers()), 25),
        tiered("volume", Some(three_tiers()[..2].to_vec()), 25),
        no_amount,
        default_currency,
    ] {
        let state = subscription([item], &[]);
        let mut book = Book::default();
        assert!(priced(&state, &book).is_err());
        book.lines.insert("si_1".to_owned(), june(19_500));
        assert_eq!(net(&state, &book), 19_500_000_000);
        book.lines.insert("si_1".to_owned(), InvoiceLine { proration: true, ..june(19_500) });
        assert!(priced(&state, &book).is_err());
    }
}

#[test]
fn a_price_known_by_its_id_alone_is_not_free() {
    let mut unknown = item(5_000, 1, "month");
    unknown.price = PriceTerms { id: "price_1".to_owned(), ..PriceTerms::default() };
    assert_eq!(message(&subscription([unknown], &[]), &Book::default()), "price price_1 is not known");
}

#[test]
fn an_invoice_line_is_before_discounts_and_may_be_found_by_its_price() {
    let mut book = Book::default().with("half", percent("50", "forever"));
    book.lines.insert("price_1".to_owned(), june(19_500));
    let state = subscription([tiered("graduated", None, 25)], &["di_half"]);
    let mrr = priced(&state, &book).unwrap();
    assert_eq!((mrr.list, mrr.net), (Micros::from_minor(19_500), Micros::from_minor(9_750)));
}

#[test]
fn the_items_interval_outranks_the_dates_of_the_line() {
    let mut yearly = tiered("graduated", None, 25);
    yearly.price.recurring.as_mut().unwrap().interval = "year".to_owned();
    let mut book = Book::default();
    book.lines.insert("si_1".to_owned(), june(12_000));
    assert_eq!(net(&subscription([yearly], &[]), &book), 1_000_000_000);
}

#[test]
fn an_interval_that_is_not_known_is_read_from_the_line() {
    for (line, net_minor) in [
        (june(12_000), 12_000),
        (invoice_line(12_000, "2026-06-01T00:00:00Z", "2027-06-01T00:00:00Z"), 1_000),
        (invoice_line(1_200, "2026-06-01T00:00:00Z", "2026-06-08T00:00:00Z"), 5_200),
        (invoice_line(1_200, "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"), 36_500),
        (InvoiceLine { interval: Some("year".to_owned()), ..june(12_000) }, 1_000),
        (InvoiceLine { interval: Some("month".to_owned()), interval_count: Some(6), ..june(12_000) }, 2_000),
    ] {
        for interval in ["", "fortnight"] {
            let mut item = item(line.amount, 1, interval);
            let mut book = Book::default();
            book.lines.insert("si_1".to_owned(), line.clone());
            assert_eq!(net(&subscription([item.clone()], &[]), &book), net_minor * Micros::PER_MINOR);
            item.price.unit_amount = None;
            assert_eq!(net(&subscription([item], &[]), &book), net_minor * Micros::PER_MINOR);
        }
    }
}

#[test]
fn a_payload_that_shows_some_items_only_is_not_priced() {
    let cut = |total| SubscriptionState {
        items_cut_from: Some(total),
        ..subscription([item(100, 1, "month"), item(100, 1, "month")], &[])
    };
    let book = Book::default();
    assert_eq!(priced(&cut(25), &book), Err(Unpriced::ItemsMissing { shown: 2, total: Some(25) }));
    assert_eq!(message(&cut(25), &book), "only 2 of the subscription's 25 items are known");
    assert_eq!(message(&cut(0), &book), "only 2 of the subscription's items are known");
}

#[test]
fn an_error_names_the_price_and_what_is_wrong_with_it() {
    let edited = |edit: fn(&mut SubscriptionItem)| {
        let mut item = item(100, 1, "month");
        edit(&mut item);
        item
    };
    let packages = |divide_by, round: &str| {
        let mut item = item(100, 1, "month");
        item.price.transform_quantity = Some(TransformQuantity { divide_by, round: round.to_owned() });
        item
    };
    for (item, text) in [
        (tiered("graduated", None, 1), "the tiers of price price_1 are not known"),
        (
            tiered("spiral", Some(three_tiers()), 1),
            "the tiers of price price_1 have the unknown mode \"spiral\"",
        ),
        (
            tiered("volume", Some(three_tiers()[..2].to_vec()), 25),
            "quantity 25 is beyond the last tier of price price_1",
        ),
        (
            tiered("volume", Some(vec![tier(None, Some("ten"), None)]), 1),
            "the tier's unit amount of price price_1 is no usable decimal number: \"ten\"",
        ),
        (edited(|item| item.price.unit_amount = None), "the unit amount of price price_1 is not known"),
        (
            edited(|item| item.price.unit_amount = Some("1e3".to_owned())),
            "the unit amount of price price_1 is no usable decimal number: \"1e3\"",
        ),
        (
            edited(|item| item.price.currency = "eur".to_owned()),
            "price price_1 is in \"eur\", its subscription in \"usd\"",
        ),
        (super::item(100, 1, "fortnight"), "price price_1 has the unknown interval \"fortnight\""),
        (super::item(100, 0, "month"), "price price_1 is due every 0 intervals"),
        (super::item(100, -1, "month"), "price price_1 is due every -1 intervals"),
        (packages(0, "up"), "price price_1 is sold in packages of 0"),
        (packages(5, "sideways"), "packages of price price_1 are rounded \"sideways\", neither up nor down"),
        (
            edited(|item| {
                item.price.tax_behavior = Some("inclusive".to_owned());
                item.inclusive_tax_percent = Some("-100".to_owned());
            }),
            "the tax rate of subscription item si_1 is no usable decimal number: \"-100\"",
        ),
        (times(i64::MAX, super::item(100, 1, "month")), "the amount is too large"),
    ] {
        assert_eq!(message(&subscription([item], &[]), &Book::default()), text);
    }
}

#[test]
fn an_error_names_the_discount_and_what_is_missing_of_it() {
    let state = subscription([item(100, 1, "month")], &["di_off"]);
    let known = || Book::default().with("off", percent("10", "forever"));
    assert_eq!(message(&state, &Book::default()), "discount di_off is not known");
    let no_coupon = known().edit("di_off", |discount| discount.coupon = None);
    assert_eq!(message(&state, &no_coupon), "the coupon of discount di_off is not known");
    let other = known().edit("di_off", |discount| discount.coupon = Some("gone".to_owned()));
    assert_eq!(message(&state, &other), "coupon gone is not known");
    let neither = Book::default().with("off", CouponTerms { percent_off: None, ..percent("", "forever") });
    assert_eq!(message(&state, &neither), "coupon off has neither a percentage nor an amount");
    let unreadable = Book::default().with("off", percent("a tenth", "forever"));
    assert_eq!(
        message(&state, &unreadable),
        "the percentage of coupon off is no usable decimal number: \"a tenth\""
    );
    let limited = CouponTerms { products: vec!["prod_1".to_owned()], ..percent("10", "forever") };
    let mut no_product = state.clone();
    no_product.items[0].price.product = None;
    assert_eq!(
        message(&no_product, &Book::default().with("off", limited)),
        "the product of price price_1 is not known, and coupon off is limited to products"
    );
}

#[test]
fn a_discount_that_is_over_or_has_not_begun_needs_no_coupon() {
    let state = subscription([item(100, 1, "month")], &["di_off"]);
    for (start, end) in
        [("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"), ("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z")]
    {
        let mut book = Book::default().with("off", percent("10", "repeating")).edit("di_off", |discount| {
            discount.start = Some(at(start));
            discount.end = Some(at(end));
        });
        book.coupons.clear();
        assert_eq!(net(&state, &book), 100_000_000);
    }
}

#[test]
fn a_free_subscription_needs_no_discounts() {
    let state = subscription([item(0, 1, "month")], &["di_unheard_of"]);
    assert_eq!(priced(&state, &Book::default()), Ok(Mrr::default()));
}

#[test]
fn a_subscription_without_a_currency_has_that_of_its_first_price() {
    let state = SubscriptionState { currency: String::new(), ..subscription([item(100, 1, "month")], &[]) };
    assert_eq!(net(&state, &Book::default()), 100_000_000);
    let mut upper = subscription([item(100, 1, "month")], &[]);
    "USD".clone_into(&mut upper.items[0].price.currency);
    assert_eq!(net(&upper, &Book::default()), 100_000_000);
}

#[test]
fn a_sum_of_items_that_does_not_fit_is_an_error() {
    let large = || item(90_000_000_000, 1, "month");
    assert!(priced(&subscription([large()], &[]), &Book::default()).is_ok());
    assert_eq!(priced(&subscription([large(), large()], &[]), &Book::default()), Err(Unpriced::TooLarge));
}

#[test]
fn a_hundred_of_the_largest_subscriptions_can_be_added_up() {
    let priced_at = |unit_amount: &str| {
        let mut item = item(0, 1, "month");
        item.price.unit_amount = Some(unit_amount.to_owned());
        priced(&subscription([item], &[]), &Book::default())
    };
    let largest = priced_at("92233720368.54775").unwrap().net.0;
    assert!(i64::try_from(largest * 100).is_ok());
    assert_eq!(priced_at("92233720368.547759"), Err(Unpriced::TooLarge));
}

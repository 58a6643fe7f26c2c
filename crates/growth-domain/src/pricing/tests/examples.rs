//! The worked examples of the metric definitions, by their ids, and the arithmetic around them.

use super::*;
use crate::facts::TransformQuantity;

/// Turns an amount in whole cents into micros.
const CENTS: i128 = Micros::PER_MINOR;

fn net_of(item: SubscriptionItem) -> i128 {
    net(&subscription([item], &[]), &Book::default())
}

#[test]
fn m1_two_yearly_seats_with_a_quarter_off_forever() {
    let book = Book::default().with("quarter", percent("25", "forever"));
    let state = subscription([times(2, item(120_000, 1, "year"))], &["di_quarter"]);
    let mrr = priced(&state, &book).unwrap();
    assert_eq!(mrr.net, Micros(15_000 * CENTS));
    assert_eq!((mrr.list, mrr.discount), (Micros(20_000 * CENTS), Micros(5_000 * CENTS)));
}

#[test]
fn m2_a_quarterly_price_is_a_third_a_month() {
    assert_eq!(net_of(item(9_000, 3, "month")), 3_000 * CENTS);
}

#[test]
fn m3_three_seats_every_half_year() {
    assert_eq!(net_of(times(3, item(30_000, 6, "month"))), 15_000 * CENTS);
}

#[test]
fn m4_two_years_are_24_months() {
    assert_eq!(net_of(item(240_000, 2, "year")), 10_000 * CENTS);
}

#[test]
fn m5_a_week_is_52_to_the_year() {
    assert_eq!(net_of(item(1_000, 1, "week")), 4_333_333_333);
}

#[test]
fn m6_two_weeks_are_26_to_the_year() {
    assert_eq!(net_of(item(3_000, 2, "week")), 6_500 * CENTS);
}

#[test]
fn m7_a_day_is_365_to_the_year() {
    assert_eq!(net_of(item(100, 1, "day")), 3_041_666_667);
}

#[test]
fn m8_graduated_tiers_charge_each_unit_by_its_own_tier() {
    assert_eq!(net_of(tiered("graduated", Some(three_tiers()), 25)), 19_500 * CENTS);
}

#[test]
fn m9_volume_tiers_charge_all_units_by_the_last_ones_tier() {
    assert_eq!(net_of(tiered("volume", Some(three_tiers()), 25)), 12_500 * CENTS);
    assert_eq!(net_of(tiered("volume", Some(three_tiers()), 6)), 4_800 * CENTS);
    assert_eq!(net_of(tiered("graduated", Some(three_tiers()), 6)), 5_800 * CENTS);
}

#[test]
fn m10_an_amount_off_is_per_invoice_and_so_becomes_monthly_with_it() {
    let book = Book::default().with("off", amount(2_400, "forever"));
    assert_eq!(net(&subscription([item(24_000, 1, "year")], &["di_off"]), &book), 1_800 * CENTS);
}

#[test]
fn m11_item_discounts_come_before_subscription_discounts() {
    let book = Book::default()
        .with("fifth", percent("20", "forever"))
        .with("ten", amount(1_000, "forever"))
        .with("half", percent("50", "forever"));
    let mut seat = item(10_000, 1, "month");
    for (on_item, on_subscription, cents) in [
        (&["di_fifth"][..], &[][..], 8_000),
        (&["di_fifth"], &["di_ten"], 7_000),
        (&["di_fifth"], &["di_ten", "di_half"], 3_500),
        (&["di_fifth"], &["di_half", "di_ten"], 3_000),
    ] {
        seat.discounts = on_item.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(net(&subscription([seat.clone()], on_subscription), &book), cents * CENTS);
    }
}

#[test]
fn m12_an_amount_off_is_split_over_the_items_in_proportion() {
    let book = Book::default().with("thirty", amount(3_000, "forever"));
    let monthly = subscription([item(10_000, 1, "month"), item(20_000, 1, "month")], &["di_thirty"]);
    assert_eq!(net(&monthly, &book), (9_000 + 18_000) * CENTS);
    // The larger item paid by the year shows each one's part: 90 a month and 180 a year.
    let mixed = subscription([item(10_000, 1, "month"), item(20_000, 1, "year")], &["di_thirty"]);
    assert_eq!(net(&mixed, &book), (9_000 + 18_000 / 12) * CENTS);
}

#[test]
fn m13_a_discount_larger_than_the_price_leaves_nothing_and_not_less() {
    let book = Book::default().with("fifty", amount(5_000, "forever"));
    let mrr = priced(&subscription([item(4_900, 1, "month")], &["di_fifty"]), &book).unwrap();
    assert_eq!(mrr.net, Micros::ZERO);
    assert_eq!(mrr.discount, mrr.list);
}

#[test]
fn m14_tax_inside_the_price_is_no_revenue() {
    let mut inclusive = item(1_200, 1, "month");
    inclusive.price.tax_behavior = Some("inclusive".to_owned());
    inclusive.inclusive_tax_percent = Some("20".to_owned());
    assert_eq!(net_of(inclusive.clone()), 1_000 * CENTS);

    let book = Book::default().with("half", percent("50", "forever"));
    let mrr = priced(&subscription([inclusive.clone()], &["di_half"]), &book).unwrap();
    assert_eq!((mrr.list, mrr.discount), (Micros(1_000 * CENTS), Micros(500 * CENTS)));

    inclusive.price.tax_behavior = Some("exclusive".to_owned());
    assert_eq!(net_of(inclusive.clone()), 1_200 * CENTS);
    inclusive.price.tax_behavior = Some("inclusive".to_owned());
    inclusive.inclusive_tax_percent = None;
    assert_eq!(net_of(inclusive), 1_200 * CENTS);
}

#[test]
fn m15_a_currency_without_decimals_has_the_same_arithmetic() {
    let mut yen = item(1_000, 1, "month");
    "jpy".clone_into(&mut yen.price.currency);
    let state = SubscriptionState { currency: "jpy".to_owned(), ..subscription([yen], &[]) };
    let mrr = priced(&state, &Book::default()).unwrap();
    assert_eq!(crate::money::format_micros(mrr.net, &state.currency), "JPY 1,000");
}

#[test]
fn metered_and_one_time_prices_are_worth_nothing_whatever_is_missing() {
    let mut metered = tiered("graduated", None, 1);
    metered.price.recurring.as_mut().unwrap().usage_type = "metered".to_owned();
    metered.quantity = None;
    metered.discounts = vec!["di_unknown".to_owned()];
    let mut one_time = item(5_000, 1, "month");
    one_time.price.recurring = None;
    let state = subscription([metered.clone(), one_time], &["di_unknown"]);
    assert_eq!(priced(&state, &Book::default()), Ok(Mrr::default()));
    assert_eq!(net(&subscription([metered, item(700, 1, "month")], &[]), &Book::default()), 700 * CENTS);
    assert_eq!(priced(&subscription([], &[]), &Book::default()), Ok(Mrr::default()));
}

#[test]
fn a_licensed_item_without_a_quantity_is_one_unit() {
    let mut seat = item(700, 1, "month");
    seat.quantity = None;
    assert_eq!(net_of(seat), 700 * CENTS);
    assert_eq!(net_of(times(0, item(700, 1, "month"))), 0);
}

#[test]
fn units_are_counted_in_packages_before_they_are_priced() {
    for (quantity, round, packages) in [(10, "up", 2), (11, "up", 3), (11, "down", 2), (4, "down", 0)] {
        let mut packed = times(quantity, item(700, 1, "month"));
        packed.price.transform_quantity = Some(TransformQuantity { divide_by: 5, round: round.to_owned() });
        assert_eq!(net_of(packed), packages * 700 * CENTS, "{quantity} {round}");
    }
}

#[test]
fn flat_amounts_are_due_once_for_each_tier_that_is_reached() {
    let tiers = vec![tier(Some(10), Some("100"), Some("5000")), tier(None, None, Some("2000"))];
    for (mode, quantity, cents) in [
        ("graduated", 10, 6_000),
        ("graduated", 11, 8_000),
        ("graduated", 0, 5_000),
        ("volume", 10, 6_000),
        ("volume", 11, 2_000),
        ("volume", 0, 5_000),
    ] {
        let item = tiered(mode, Some(tiers.clone()), quantity);
        assert_eq!(net_of(item), cents * CENTS, "{mode} {quantity}");
    }
}

#[test]
fn tiers_count_from_the_smallest_in_whatever_order_they_come() {
    let mut tiers = three_tiers();
    tiers.reverse();
    assert_eq!(net_of(tiered("graduated", Some(tiers), 25)), 19_500 * CENTS);
}

#[test]
fn amounts_have_twelve_decimals_and_quantities_have_no_limit() {
    let mut tiny = times(3_000_000_000, item(0, 1, "month"));
    tiny.price.unit_amount = Some("0.000000000001".to_owned());
    assert_eq!(net_of(tiny), 3_000);
    assert_eq!(net_of(times(1_000, item(3_000_000, 1, "month"))), 3_000_000_000 * CENTS);
    let mut cheap = times(i64::MAX / 1000 * 1000, item(0, 1, "month"));
    cheap.price.unit_amount = Some("0.000000001".to_owned());
    assert_eq!(net_of(cheap), i128::from(i64::MAX / 1000));
}

#[test]
fn each_item_is_rounded_once_and_half_to_even() {
    // 0.0000005 and 0.0000015 of a minor unit.
    for (unit_amount, micros) in [("0.0000005", 0), ("0.0000015", 2), ("0.0000025", 2)] {
        let mut seat = item(0, 1, "month");
        seat.price.unit_amount = Some(unit_amount.to_owned());
        assert_eq!(net_of(seat.clone()), micros);
        assert_eq!(net(&subscription([seat.clone(), seat], &[]), &Book::default()), 2 * micros);
    }
}

#[test]
fn a_negative_price_is_never_worth_less_than_nothing() {
    assert_eq!(net_of(item(-700, 1, "month")), 0);
}

#[test]
fn policies_have_one_text_each() {
    for policy in [Policy::Stripe, Policy::Conservative] {
        assert_eq!(policy.to_string().parse(), Ok(policy));
        assert_eq!(serde_json::to_value(policy).unwrap(), policy.to_string());
    }
    assert_eq!(Policy::default(), Policy::Stripe);
    assert_eq!(
        "Stripe".parse::<Policy>().unwrap_err().to_string(),
        "unknown policy \"Stripe\": use stripe or conservative"
    );
}

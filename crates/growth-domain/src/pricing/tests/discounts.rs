//! Which discounts count, when, for whom and for how much.

use super::*;

const START: &str = "2026-06-01T00:00:00Z";

/// Nets in cents of 100.00 a month with a discount of 10 %, at the given instants.
fn nets_at(book: &Book, policy: Policy, instants: &[&str]) -> Vec<i128> {
    let state = subscription([item(10_000, 1, "month")], &["di_tenth"]);
    let net_at = |instant: &&str| {
        let mrr = price(&state, &[], book, policy, at(instant)).unwrap();
        assert_eq!(mrr.list, Micros::from_minor(10_000));
        mrr.net.0 / Micros::PER_MINOR
    };
    instants.iter().map(net_at).collect()
}

#[test]
fn a_discount_forever_is_subtracted_under_both_policies() {
    let book = Book::default().with("tenth", percent("10", "forever"));
    for policy in [Policy::Stripe, Policy::Conservative] {
        let nets = nets_at(&book, policy, &["2026-05-31T23:59:59Z", START, "2036-01-01T00:00:00Z"]);
        assert_eq!(nets, [10_000, 9_000, 9_000], "{policy}");
    }
}

#[test]
fn a_repeating_discount_is_subtracted_by_the_conservative_policy_while_it_lasts() {
    let end = "2026-09-01T00:00:00Z";
    let instants = ["2026-05-31T23:59:59Z", START, "2026-08-31T23:59:59Z", end];
    let book = Book::default()
        .with("tenth", percent("10", "repeating"))
        .edit("di_tenth", |discount| discount.end = Some(at(end)));
    assert_eq!(nets_at(&book, Policy::Stripe, &instants), [10_000; 4]);
    assert_eq!(nets_at(&book, Policy::Conservative, &instants), [10_000, 9_000, 9_000, 10_000]);
    let endless = book.edit("di_tenth", |discount| discount.end = None);
    assert_eq!(nets_at(&endless, Policy::Conservative, &instants), [10_000, 9_000, 9_000, 9_000]);
}

#[test]
fn a_discount_for_one_invoice_is_subtracted_by_the_conservative_policy_for_its_period() {
    let instants = ["2026-05-31T23:59:59Z", START, "2026-06-30T23:59:59Z", "2026-07-01T00:00:00Z"];
    let book = Book::default().with("tenth", percent("10", "once"));
    assert_eq!(nets_at(&book, Policy::Stripe, &instants), [10_000; 4]);
    assert_eq!(nets_at(&book, Policy::Conservative, &instants), [10_000, 9_000, 9_000, 10_000]);
    // Being used up by its invoice does not end that invoice's period.
    let used = book.edit("di_tenth", |discount| {
        discount.end = discount.start;
        discount.deleted = true;
    });
    assert_eq!(nets_at(&used, Policy::Conservative, &instants), [10_000, 9_000, 9_000, 10_000]);
    let undated = used.edit("di_tenth", |discount| discount.start = None);
    assert_eq!(nets_at(&undated, Policy::Conservative, &instants), [10_000; 4]);
}

#[test]
fn a_discount_for_one_invoice_lasts_as_long_as_each_items_own_period() {
    let book = Book::default().with("thirty", amount(3_000, "once"));
    let state = subscription([item(10_000, 1, "month"), item(20_000, 1, "year")], &["di_thirty"]);
    let net_at = |instant| price(&state, &[], &book, Policy::Conservative, at(instant)).unwrap().net;
    assert_eq!(net_at(START), Micros::from_minor(9_000 + 18_000 / 12));
    assert_eq!(net_at("2026-07-01T00:00:00Z"), Micros::from_minor(10_000 + 18_000 / 12));
    assert_eq!(net_at("2027-06-01T00:00:00Z"), Micros(11_666_666_667));
}

#[test]
fn an_unknown_duration_is_not_taken_to_last() {
    let end = "2026-09-01T00:00:00Z";
    let book = Book::default()
        .with("tenth", percent("10", "blue_moon"))
        .edit("di_tenth", |discount| discount.end = Some(at(end)));
    assert_eq!(nets_at(&book, Policy::Stripe, &[START, end]), [10_000, 10_000]);
    assert_eq!(nets_at(&book, Policy::Conservative, &[START, end]), [9_000, 10_000]);
}

#[test]
fn a_deleted_discount_counts_until_it_was_deleted() {
    let gone = "2026-06-20T00:00:00Z";
    let book = Book::default().with("tenth", percent("10", "forever")).edit("di_tenth", |discount| {
        discount.deleted = true;
        discount.end = Some(at(gone));
    });
    assert_eq!(nets_at(&book, Policy::Stripe, &[START, gone]), [9_000, 10_000]);
    let undated = book.edit("di_tenth", |discount| discount.end = None);
    assert_eq!(nets_at(&undated, Policy::Stripe, &[START, gone]), [10_000, 10_000]);
}

#[test]
fn a_coupon_limited_to_products_leaves_other_items_alone() {
    let limited = |coupon| CouponTerms { products: vec!["prod_2".to_owned()], ..coupon };
    let items = || {
        [
            of_product("prod_1", item(10_000, 1, "month")),
            of_product("prod_2", item(3_000, 1, "month")),
            of_product("prod_2", item(1_000, 1, "month")),
        ]
    };
    for (coupon, off) in [
        (percent("50", "forever"), 2_000),
        (amount(400, "forever"), 400),
        // No more than the eligible items cost.
        (amount(90_000, "forever"), 4_000),
    ] {
        let book = Book::default().with("limited", limited(coupon));
        let mrr = priced(&subscription(items(), &["di_limited"]), &book).unwrap();
        assert_eq!(mrr.discount, Micros::from_minor(off));
    }
    // On an item of another product it does nothing either.
    let book = Book::default().with("limited", limited(percent("50", "forever")));
    let mut elsewhere = item(10_000, 1, "month");
    elsewhere.discounts = vec!["di_limited".to_owned()];
    assert_eq!(priced(&subscription([elsewhere], &[]), &book).unwrap().discount, Micros::ZERO);
}

#[test]
fn an_item_discount_leaves_the_other_items_alone() {
    let book = Book::default().with("half", percent("50", "forever")).with("off", amount(9_000, "forever"));
    let mut half = item(10_000, 1, "month");
    half.discounts = vec!["di_half".to_owned(), "di_off".to_owned()];
    let mrr = priced(&subscription([half, item(7_000, 1, "month")], &[]), &book).unwrap();
    assert_eq!(mrr.net, Micros::from_minor(7_000));
}

#[test]
fn an_amount_in_another_currency_takes_nothing_off() {
    for (currency, discount) in [(Some("eur"), 0), (Some("USD"), 500), (None, 500)] {
        let coupon = CouponTerms { currency: currency.map(str::to_owned), ..amount(500, "forever") };
        let book = Book::default().with("off", coupon);
        let state = subscription([item(10_000, 1, "month")], &["di_off"]);
        assert_eq!(priced(&state, &book).unwrap().discount, Micros::from_minor(discount), "{currency:?}");
    }
}

#[test]
fn percentages_are_exact_and_stay_between_nothing_and_everything() {
    for (text, net) in
        [("33.33", 66_670_000), ("33.333333333333", 66_666_667), ("150", 0), ("-10", 100_000_000)]
    {
        let book = Book::default().with("off", percent(text, "forever"));
        let state = subscription([item(100, 1, "month")], &["di_off"]);
        assert_eq!(priced(&state, &book).unwrap().net, Micros(net), "{text}");
    }
}

/// Prices 100.00 a month with a discount of the customer that halves it.
fn with_customer_half(state: &SubscriptionState, book: &Book, policy: Policy, instant: &str) -> i128 {
    let half = &book.discounts["di_half"];
    price(state, &[half], book, policy, at(instant)).unwrap().net.0 / Micros::PER_MINOR
}

#[test]
fn a_customers_discount_applies_where_the_subscription_has_none() {
    let book = Book::default().with("half", percent("50", "forever")).with("tenth", percent("10", "forever"));
    let mut seat = item(10_000, 1, "month");
    let bare = subscription([seat.clone()], &[]);
    let own = subscription([seat.clone()], &["di_tenth"]);
    seat.discounts = vec!["di_tenth".to_owned()];
    let on_item = subscription([seat], &[]);
    for policy in [Policy::Stripe, Policy::Conservative] {
        assert_eq!(with_customer_half(&bare, &book, policy, START), 5_000);
        assert_eq!(with_customer_half(&bare, &book, policy, "2026-05-31T23:59:59Z"), 10_000);
        assert_eq!(with_customer_half(&own, &book, policy, START), 9_000);
        assert_eq!(with_customer_half(&on_item, &book, policy, START), 9_000);
    }
}

#[test]
fn a_customers_discount_comes_into_force_when_the_subscriptions_own_has_run_out() {
    let end = "2026-09-01T00:00:00Z";
    let book = Book::default()
        .with("half", percent("50", "forever"))
        .with("tenth", percent("10", "repeating"))
        .edit("di_tenth", |discount| discount.end = Some(at(end)));
    let state = subscription([item(10_000, 1, "month")], &["di_tenth"]);
    for (policy, before) in [(Policy::Stripe, 10_000), (Policy::Conservative, 9_000)] {
        assert_eq!(with_customer_half(&state, &book, policy, START), before);
        assert_eq!(with_customer_half(&state, &book, policy, end), 5_000);
        let half = &book.discounts["di_half"];
        let expected = if policy == Policy::Stripe { vec![at(end)] } else { vec![at(START), at(end)] };
        assert_eq!(breakpoints(&state, &[half], &book, policy), expected);
    }
}

#[test]
fn of_a_customers_discounts_the_last_one_given_counts_and_narrower_ones_never() {
    let book = Book::default()
        .with("half", percent("50", "forever"))
        .with("fifth", percent("20", "forever"))
        .with("tenth", percent("10", "forever"))
        .with("all", percent("100", "forever"))
        .edit("di_fifth", |discount| discount.start = Some(at("2026-06-05T00:00:00Z")))
        .edit("di_tenth", |discount| discount.narrow = true)
        .edit("di_all", |discount| discount.subscription = Some("sub_2".to_owned()));
    let state = subscription([item(10_000, 1, "month")], &[]);
    let mut all: Vec<_> = book.discounts.values().collect();
    all.sort_by_key(|discount| discount.id.as_str());
    for _ in 0..2 {
        all.reverse();
        let net_at = |instant| price(&state, &all, &book, Policy::Stripe, at(instant)).unwrap().net;
        assert_eq!(net_at(START), Micros::from_minor(5_000));
        assert_eq!(net_at("2026-06-05T00:00:00Z"), Micros::from_minor(8_000));
    }
}

#[test]
fn a_price_changes_by_itself_where_discounts_begin_and_end() {
    let end = "2026-09-01T00:00:00Z";
    let book = Book::default()
        .with("forever", percent("10", "forever"))
        .with("repeating", percent("20", "repeating"))
        .with("once", percent("50", "once"))
        .edit("di_repeating", |discount| discount.end = Some(at(end)));
    let state = subscription(
        [item(10_000, 1, "month"), item(20_000, 1, "year")],
        &["di_forever", "di_repeating", "di_once", "di_unheard_of"],
    );
    // What is not known yet does not change by itself.
    assert!(breakpoints(&state, &[], &book, Policy::Conservative).is_empty());
    let state = SubscriptionState { discounts: state.discounts[..3].to_vec(), ..state };
    assert_eq!(breakpoints(&state, &[], &book, Policy::Stripe), [at(START)]);
    let turns = breakpoints(&state, &[], &book, Policy::Conservative);
    assert_eq!(turns, [START, "2026-07-01T00:00:00Z", end, "2027-06-01T00:00:00Z"].map(at));
}

#[test]
fn a_price_without_discounts_never_changes_by_itself() {
    let state = subscription([item(10_000, 1, "month")], &[]);
    assert!(breakpoints(&state, &[], &Book::default(), Policy::Conservative).is_empty());
}

//! What holds for every subscription.

use num_traits::Zero;
use proptest::prelude::*;

use super::super::exact::{Exact, whole};
use super::super::{discounts, lines};
use super::*;
use crate::facts::TransformQuantity;

fn any_interval() -> impl Strategy<Value = (String, i64)> {
    (prop::sample::select(vec!["day", "week", "month", "year"]), 1_i64..37)
        .prop_map(|(interval, count)| (interval.to_owned(), count))
}

fn any_coupon() -> impl Strategy<Value = CouponTerms> {
    let off = prop_oneof![
        (0_u32..=10_000)
            .prop_map(|hundredths| (Some(format!("{}.{:02}", hundredths / 100, hundredths % 100)), None)),
        (0_i64..1_000_000).prop_map(|amount| (None, Some(amount))),
    ];
    let duration = prop::sample::select(vec!["forever", "repeating", "once", "new"]);
    let products = prop::sample::select(vec![vec![], vec!["prod_0".to_owned()], vec!["prod_9".to_owned()]]);
    (off, duration, products).prop_map(|((percent_off, amount_off), duration, products)| CouponTerms {
        percent_off,
        amount_off,
        duration: duration.to_owned(),
        products,
        ..CouponTerms::default()
    })
}

fn any_item() -> impl Strategy<Value = SubscriptionItem> {
    let listed = prop::sample::subsequence(vec!["di_0".to_owned(), "di_1".to_owned()], 0..=2);
    let tax = prop::option::of((0_u32..30).prop_map(|rate| rate.to_string()));
    let kind = prop::sample::select(vec!["per_unit", "graduated", "volume", "packages"]);
    (any_interval(), 0_i64..1_000_000, 0_i64..75, 0..3_usize, listed, tax, kind).prop_map(
        |((interval, count), amount, quantity, product, listed, tax, kind)| {
            let mut item =
                of_product(&format!("prod_{product}"), times(quantity, item(amount, count, &interval)));
            item.discounts = listed;
            item.price.tax_behavior = Some("inclusive".to_owned());
            item.inclusive_tax_percent = tax;
            match kind {
                "packages" => {
                    item.price.transform_quantity =
                        Some(TransformQuantity { divide_by: 7, round: "up".to_owned() });
                }
                "graduated" | "volume" => {
                    "tiered".clone_into(&mut item.price.billing_scheme);
                    item.price.tiers_mode = Some(kind.to_owned());
                    item.price.tiers = Some(three_tiers());
                }
                _ => {}
            }
            item
        },
    )
}

fn any_book() -> impl Strategy<Value = Book> {
    let length = prop::option::of(0_i64..400);
    prop::collection::vec((any_coupon(), length), 4).prop_map(|coupons| {
        coupons.into_iter().enumerate().fold(Book::default(), |book, (index, (coupon, length))| {
            book.with(&index.to_string(), coupon).edit(&format!("di_{index}"), |discount| {
                let days = |n| discount.start.map(|start| start + chrono::TimeDelta::days(n));
                discount.end = length.and_then(days);
            })
        })
    })
}

fn any_state() -> impl Strategy<Value = SubscriptionState> {
    let listed = prop::sample::subsequence(vec!["di_1", "di_2"], 0..=2);
    (prop::collection::vec(any_item(), 0..4), listed).prop_map(|(items, listed)| subscription(items, &listed))
}

fn any_policy() -> impl Strategy<Value = Policy> {
    prop::sample::select(vec![Policy::Stripe, Policy::Conservative])
}

fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    (-50_i64..800).prop_map(|days| at("2026-06-01T06:00:00Z") + chrono::TimeDelta::days(days))
}

proptest! {
    #[test]
    fn list_less_discount_is_net_and_net_is_between_nothing_and_list(
        state in any_state(), book in any_book(), policy in any_policy(), instant in any_instant(),
    ) {
        let of_customer = &book.discounts["di_3"];
        let mrr = price(&state, &[of_customer], &book, policy, instant).unwrap();
        prop_assert_eq!(mrr.list - mrr.discount, mrr.net);
        prop_assert!(Micros::ZERO <= mrr.net && mrr.net <= mrr.list);
    }

    #[test]
    fn between_breakpoints_the_price_stands_still(
        state in any_state(), book in any_book(), policy in any_policy(), instant in any_instant(),
    ) {
        let of_customer = [&book.discounts["di_3"]];
        let price_at = |at| price(&state, &of_customer, &book, policy, at);
        let turns = breakpoints(&state, &of_customer, &book, policy);
        prop_assert!(turns.is_sorted_by(|left, right| left < right));
        let last = turns.iter().copied().rfind(|turn| *turn <= instant).unwrap_or(DateTime::<Utc>::MIN_UTC);
        prop_assert_eq!(price_at(instant), price_at(last));
        for turn in turns {
            prop_assert_ne!(price_at(turn), price_at(turn - chrono::TimeDelta::microseconds(1)));
        }
    }

    #[test]
    fn an_amount_off_is_split_without_loss_and_never_exceeded(
        amounts in prop::collection::vec(0_i64..1_000_000, 1..6), off in 0_i64..3_000_000,
    ) {
        let book = Book::default().with("off", amount(off, "forever"));
        let items = amounts.iter().map(|amount| item(*amount, 1, "month"));
        let state = subscription(items, &["di_off"]);
        let mut lines = lines::of(&state, &book).unwrap();
        discounts::subtract(&mut lines, &state, &[], &book, Policy::Stripe, noon()).unwrap();
        let taken: Exact = lines.iter().map(|line| &line.list - &line.net).sum();
        prop_assert_eq!(taken, whole(off.min(amounts.iter().sum())));
        prop_assert!(lines.iter().all(|line| line.net >= Exact::zero()));
    }

    #[test]
    fn nonsense_is_an_error_and_never_a_panic(
        texts in prop::array::uniform4("[0-9.eE+-]{0,40}"),
        (count, quantity, divide_by, up_to) in any::<(i64, i64, i64, i64)>(),
        kind in 0..3_usize,
    ) {
        let [unit_amount, tax, percent_off, flat_amount] = texts;
        let mut item = times(quantity, item(0, count, ["day", "week", "year"][kind]));
        item.price.unit_amount = Some(unit_amount.clone());
        item.price.tax_behavior = Some("inclusive".to_owned());
        item.inclusive_tax_percent = Some(tax);
        item.price.transform_quantity = Some(TransformQuantity { divide_by, round: "up".to_owned() });
        if kind > 0 {
            item.price.tiers_mode = Some(["volume", "graduated"][kind - 1].to_owned());
            "tiered".clone_into(&mut item.price.billing_scheme);
            item.price.tiers =
                Some(vec![tier(Some(up_to), Some(&unit_amount), Some(&flat_amount)), tier(None, None, None)]);
        }
        let book = Book::default().with("off", percent(&percent_off, "once"));
        let state = subscription([item], &["di_off"]);
        let _ = price(&state, &[], &book, Policy::Conservative, noon());
        breakpoints(&state, &[], &book, Policy::Conservative);
    }
}

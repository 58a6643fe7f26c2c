//! Payments that are told in pieces, late, several times, or not at once.

use std::collections::BTreeMap;

use growth_db::Db;
use growth_db::rows::{InvoiceRow, PaymentRow};
use growth_metrics::{Cash, Money};
use growth_testkit::on_each_engine;
use growth_testkit::tables::revenue_by_account;
use serde_json::{Value, json};

use crate::objects::{
    billing, charge, declined, event, intent, invoice, invoice_payment, of_account, orders, session, units,
    with,
};
use crate::place::{Place, figures, january, revenue};
use crate::rows::{only, rows, rows_in, states};

const NOTHING: Money = Money { count: 0, amount: 0 };

fn money(count: u64, amount: i64) -> Money {
    Money { count, amount }
}

async fn cash(db: &Db) -> Cash {
    revenue(db, "gbp").await.cash.current
}

/// A checkout paid by bank debit: days pass between the order and the money.
mod debit {
    use super::*;

    pub(super) fn ordered() -> Value {
        let unpaid = json!({"payment_status": "unpaid", "payment_intent": "pi_1"});
        event("evt_cs_1", "checkout.session.completed", january(3), &session("cs_1", january(3), unpaid))
    }

    pub(super) fn under_way() -> Value {
        let processing = json!({"status": "processing", "amount_received": 0});
        event("evt_pi_1", "payment_intent.processing", january(3), &intent("pi_1", january(3), processing))
    }

    pub(super) fn paid() -> [Value; 2] {
        let paid = session("cs_1", january(3), json!({"payment_intent": "pi_1"}));
        [
            event("evt_cs_2", "checkout.session.async_payment_succeeded", january(8), &paid),
            event("evt_pi_2", "payment_intent.succeeded", january(8), &intent("pi_1", january(3), json!({}))),
        ]
    }

    pub(super) fn bounced() -> [Value; 2] {
        let unpaid = json!({"payment_status": "unpaid", "payment_intent": "pi_1"});
        let unpaid = session("cs_1", january(3), unpaid);
        [
            event("evt_cs_2", "checkout.session.async_payment_failed", january(8), &unpaid),
            event(
                "evt_pi_2",
                "payment_intent.payment_failed",
                january(8),
                &intent("pi_1", january(3), declined()),
            ),
        ]
    }
}

/// The first payment of the n-th of up to a thousand customers, by card in a checkout, in the newest shape.
///
/// All that names it has `zz` and its number in it.
fn six_events(n: usize) -> [Value; 6] {
    let at = january(3);
    let id = |kind: &str| format!("{kind}_zz{n:03}");
    let invoice_id = format!("in_1zz{n:03}OfTheSixEventsInAll");
    let whose = || json!({"customer": id("cus")});
    let paid = json!({"customer_email": format!("{}@example.com", id("ann"))});
    let paid = with(with(invoice(&invoice_id, at, billing(&id("sub"))), paid), whose());
    let checkout = json!({"mode": "subscription", "subscription": id("sub"), "invoice": invoice_id,
        "client_reference_id": id("ann")});
    let hint = json!({"latest_charge": id("ch"), "payment_details": {"order_reference": invoice_id[..25]}});
    let charged = json!({"payment_intent": id("pi"), "balance_transaction": {"id": "txn_1",
        "object": "balance_transaction", "fee": 50, "currency": "gbp"}});
    let link = invoice_payment(&id("inpay"), &invoice_id, &id("pi"), at);
    [
        event(
            &id("evt_1"),
            "checkout.session.completed",
            at,
            &with(session(&id("cs"), at, checkout), whose()),
        ),
        event(&id("evt_2"), "invoice.paid", at, &paid),
        event(&id("evt_3"), "invoice.payment_succeeded", at, &paid),
        event(&id("evt_4"), "invoice_payment.paid", at, &link),
        event(&id("evt_5"), "payment_intent.succeeded", at, &with(intent(&id("pi"), at, hint), whose())),
        event(&id("evt_6"), "charge.succeeded", at, &with(charge(&id("ch"), at, charged), whose())),
    ]
}

on_each_engine! {
    async fn an_order_by_bank_debit_is_money_once_it_is_paid(db: TestDb) {
        let place = Place::open(&db).await;
        place.tell([debit::ordered()]).await;
        assert!(rows::<PaymentRow>(&db).await.is_empty(), "an order is no money");
        place.tell([debit::under_way()]).await;
        assert_eq!(only::<PaymentRow>(&db).await.status, "pending");
        let [by_session, by_intent] = debit::paid();
        place.tell([by_session]).await;
        let payment: PaymentRow = only(&db).await;
        assert_eq!((payment.status.as_str(), payment.amount), ("succeeded", 2000));
        assert_eq!((payment.id.as_str(), payment.checkout_session.as_deref()), ("pi_1", Some("cs_1")));
        place.tell([by_intent]).await;
        place.close().await;
        assert_eq!(only::<PaymentRow>(&db).await.paid_at, Some(january(8)));
        assert_eq!(cash(&db).await.payments, money(1, 2000));
    }

    async fn an_order_by_bank_debit_that_bounced_is_a_failed_payment(db: TestDb) {
        let place = Place::open(&db).await;
        let [by_session, by_intent] = debit::bounced();
        place.tell([debit::ordered(), by_session]).await;
        assert!(rows::<PaymentRow>(&db).await.is_empty());
        place.tell([debit::under_way(), by_intent]).await;
        place.close().await;
        let payment: PaymentRow = only(&db).await;
        assert_eq!((payment.status.as_str(), payment.failure_code.as_deref()), ("failed", Some("card_declined")));
        let cash = cash(&db).await;
        assert_eq!((cash.payments, cash.failed_payments), (NOTHING, money(1, 2000)));
    }

    async fn a_bank_debit_told_in_any_order_is_the_same(db: TestDb) {
        let place = Place::open(&db).await;
        for (end, status) in [(debit::paid(), "succeeded"), (debit::bounced(), "failed")] {
            let [first, second] = end;
            for (n, order) in orders(&[debit::ordered(), debit::under_way(), first, second]).iter().enumerate() {
                let account = format!("acct_{status}_{n}");
                for event in order {
                    place.tell([of_account(&account, event)]).await;
                }
                let payments: Vec<PaymentRow> = rows_in(&db, &account, true).await;
                let [payment] = &payments[..] else { panic!("{account}: {payments:#?}") };
                assert_eq!(payment.status, status, "{account}");
            }
        }
        place.close().await;
        let tables = revenue_by_account(&db).await;
        for status in ["succeeded", "failed"] {
            let first = &tables[&format!("acct_{status}_0")];
            assert!((0..24).all(|n| tables[&format!("acct_{status}_{n}")] == *first));
        }
    }

    async fn a_session_that_costs_nothing_is_no_payment(db: TestDb) {
        let free = json!({"payment_status": "no_payment_required", "amount_total": 0});
        let place = Place::open(&db).await;
        place.tell([event("evt_1", "checkout.session.completed", january(3), &session("cs_1", january(3), free))]).await;
        place.close().await;
        assert!(rows::<PaymentRow>(&db).await.is_empty());
        assert_eq!(states(&db).await["applied"], 1);
    }

    async fn six_events_in_all_720_orders_are_one_payment(db: TestDb) {
        let all = orders(&[0, 1, 2, 3, 4, 5]);
        assert_eq!(all.len(), 720);
        let place = Place::open(&db).await;
        // A customer for each order, and each event is applied before the customer's next one comes.
        for turn in 0..6 {
            place.tell(all.iter().enumerate().map(|(n, order)| six_events(n)[order[turn]].clone())).await;
        }
        place.close().await;
        assert_eq!(states(&db).await, [("applied".to_owned(), 6 * 720)].into());
        assert_eq!(cash(&db).await.payments, money(720, 720 * 2000));

        let payments: Vec<PaymentRow> = rows(&db).await;
        let payment = &payments[0];
        assert_eq!((payment.id.as_str(), payment.amount, payment.status.as_str()), ("pi_zz000", 2000, "succeeded"));
        assert_eq!(payment.charge.as_deref(), Some("ch_zz000"));
        assert_eq!(payment.invoice.as_deref(), Some("in_1zz000OfTheSixEventsInAll"));
        assert_eq!(payment.checkout_session.as_deref(), Some("cs_zz000"));
        assert_eq!(payment.subscription.as_deref(), Some("sub_zz000"));
        assert_eq!((payment.fee, payment.user_reference.as_deref()), (Some(50), Some("ann_zz000")));
        assert_eq!((payment.email.as_deref(), payment.paid_at), (Some("ann_zz000@example.com"), Some(january(3))));

        let mut by_order: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &revenue_by_account(&db).await[""] {
            let number = row.find("zz").map(|start| row[start..start + 5].to_owned()).unwrap();
            let text = row.replace(&number, "zz");
            by_order.entry(number).or_default().push(text);
        }
        assert_eq!(by_order.len(), 720);
        for rows in by_order.values_mut() {
            rows.sort();
        }
        let first = &by_order["zz000"];
        for (number, rows) in &by_order {
            let differs = rows.iter().zip(first).find(|(row, first)| row != first);
            assert!(rows.len() == first.len() && differs.is_none(), "{number}: {differs:#?}");
        }
    }

    async fn an_invoice_payment_ties_an_invoice_to_a_payment_that_was_there_before(db: TestDb) {
        let place = Place::open(&db).await;
        let by_intent = intent("pi_1", january(3), json!({"latest_charge": "ch_1"}));
        place.tell([
            event("evt_1", "payment_intent.succeeded", january(3), &by_intent),
            event("evt_2", "invoice.paid", january(3), &invoice("in_1", january(3), billing("sub_1"))),
        ]).await;
        // Nothing says yet that they are one, and the figures say that they may be.
        assert_eq!(rows::<PaymentRow>(&db).await.len(), 2);
        let before = figures(&db, "", true).await;
        assert_eq!(before.freshness.possibly_counted_twice, 1);
        assert_eq!(before.revenue[0].cash.current.by_invoice_only, money(1, 2000));

        let link = invoice_payment("inpay_1", "in_1", "pi_1", january(3));
        place.tell([event("evt_3", "invoice_payment.paid", january(3), &link)]).await;
        place.close().await;
        let payment: PaymentRow = only(&db).await;
        assert_eq!((payment.id.as_str(), payment.invoice.as_deref()), ("pi_1", Some("in_1")));
        assert_eq!(payment.subscription.as_deref(), Some("sub_1"));
        let after = figures(&db, "", true).await;
        assert_eq!(after.freshness.possibly_counted_twice, 0);
        let cash = after.revenue[0].cash.current;
        assert_eq!((cash.payments, cash.by_invoice_only), (money(1, 2000), NOTHING));
    }

    async fn of_two_events_about_one_payment_in_one_second_the_success_counts(db: TestDb) {
        let at = january(3);
        let open = json!({"status": "open", "amount_paid": 0, "status_transitions": {"paid_at": null}});
        let failed = json!({"status": "failed", "captured": false, "failure_code": "card_declined"});
        let pairs = [
            [event("evt_1", "payment_intent.payment_failed", at, &intent("pi_1", at, declined())),
                event("evt_2", "payment_intent.succeeded", at, &intent("pi_1", at, json!({})))],
            [event("evt_1", "invoice.finalized", at, &invoice("in_1", at, open)),
                event("evt_2", "invoice.paid", at, &invoice("in_1", at, json!({})))],
            [event("evt_1", "charge.failed", at, &charge("ch_1", at, with(failed, json!({"payment_intent": "pi_1"})))),
                event("evt_2", "charge.succeeded", at, &charge("ch_2", at, json!({"payment_intent": "pi_1"})))],
        ];
        let place = Place::open(&db).await;
        for (n, pair) in pairs.iter().enumerate() {
            for (direction, order) in [("forward", [0, 1]), ("backward", [1, 0])] {
                let account = format!("acct_{n}_{direction}");
                for index in order {
                    place.tell([of_account(&account, &pair[index])]).await;
                }
                let payments: Vec<PaymentRow> = rows_in(&db, &account, true).await;
                let [payment] = &payments[..] else { panic!("{account}: {payments:#?}") };
                assert_eq!((payment.status.as_str(), payment.amount), ("succeeded", 2000), "{account}");
            }
        }
        place.close().await;
        let tables = revenue_by_account(&db).await;
        for n in 0..pairs.len() {
            assert_eq!(tables[&format!("acct_{n}_forward")], tables[&format!("acct_{n}_backward")]);
        }
    }

    async fn references_mean_the_same_as_ids_and_as_whole_objects(db: TestDb) {
        let at = january(3);
        let story = |whole: bool| {
            let refer = |id: &str, kind: &str| {
                if whole { json!({"id": id, "object": kind}) } else { json!(id) }
            };
            let customer = || json!({"customer": refer("cus_1", "customer")});
            let of_subscription = json!({"parent": {"type": "subscription_details", "subscription_details":
                {"subscription": refer("sub_1", "subscription")}}});
            let mut paid = invoice_payment("inpay_1", "in_1", "pi_1", at);
            paid["invoice"] = refer("in_1", "invoice");
            paid["payment"]["payment_intent"] = refer("pi_1", "payment_intent");
            let by_charge = charge("ch_1", at, json!({"payment_intent": refer("pi_1", "payment_intent")}));
            let mut back = crate::objects::refund("re_1", "ch_1", 500, january(5));
            back["charge"] = refer("ch_1", "charge");
            back["payment_intent"] = refer("pi_1", "payment_intent");
            let checkout = json!({"mode": "subscription", "client_reference_id": "ann",
                "subscription": refer("sub_1", "subscription"), "invoice": refer("in_1", "invoice")});
            [
                event("evt_1", "checkout.session.completed", at, &with(session("cs_1", at, checkout), customer())),
                event("evt_2", "invoice.paid", at, &with(invoice("in_1", at, of_subscription), customer())),
                event("evt_3", "invoice_payment.paid", at, &paid),
                event("evt_4", "payment_intent.succeeded", at, &intent("pi_1", at, customer())),
                event("evt_5", "charge.succeeded", at, &with(by_charge, customer())),
                event("evt_6", "refund.created", january(5), &back),
                event("evt_7", "customer.subscription.created", at, &units("sub_1", at, 1, customer())),
            ]
        };
        let place = Place::open(&db).await;
        place.tell(story(false).iter().map(|event| of_account("acct_ids", event))).await;
        place.tell(story(true).iter().map(|event| of_account("acct_objects", event))).await;
        place.close().await;
        let tables = revenue_by_account(&db).await;
        assert_eq!(tables["acct_ids"], tables["acct_objects"]);
        let [payment] = &rows_in::<PaymentRow>(&db, "acct_objects", true).await[..] else { panic!("not one payment") };
        assert_eq!((payment.invoice.as_deref(), payment.charge.as_deref()), (Some("in_1"), Some("ch_1")));
        assert_eq!((payment.subscription.as_deref(), payment.refund_amount), (Some("sub_1"), 500));
    }

    async fn states_that_stripe_invents_one_day_are_kept_and_count_nothing(db: TestDb) {
        let at = january(3);
        let odd = |object: Value| with(object, json!({"status": "levitating"}));
        let place = Place::open(&db).await;
        place.tell([
            event("evt_1", "payment_intent.levitating", at, &odd(intent("pi_1", at, json!({"amount_received": 0})))),
            event("evt_2", "charge.updated", at, &odd(charge("ch_2", at, json!({"captured": false})))),
            event("evt_3", "invoice.updated", at, &odd(invoice("in_3", at, json!({"amount_paid": 0})))),
            event("evt_4", "checkout.session.levitated", at, &session("cs_4", at, json!({"payment_status": "levitating"}))),
            event("evt_5", "payment_intent.succeeded", at, &intent("pi_5", at, json!({}))),
        ]).await;
        place.close().await;
        assert_eq!(states(&db).await, [("applied".to_owned(), 5)].into());
        assert_eq!(only::<InvoiceRow>(&db).await.status, "levitating");
        let payments: Vec<PaymentRow> = rows(&db).await;
        let seen: Vec<_> = payments.iter().map(|row| (row.id.as_str(), row.status.as_str())).collect();
        assert_eq!(seen, [("ch_2", "pending"), ("pi_1", "pending"), ("pi_5", "succeeded")]);
        assert_eq!(cash(&db).await.payments, money(1, 2000));
    }

    async fn a_currency_without_decimals_or_with_three_comes_in_in_its_own_units(db: TestDb) {
        let place = Place::open(&db).await;
        for (currency, amount) in [("jpy", 1_000), ("kwd", 12_500)] {
            let paid = json!({"amount": amount, "amount_received": amount, "currency": currency});
            let paid = intent(&format!("pi_{currency}"), january(3), paid);
            place.tell([event(&format!("evt_{currency}"), "payment_intent.succeeded", january(3), &paid)]).await;
        }
        place.close().await;
        // 1,000 JPY, and 12.500 KWD.
        assert_eq!(revenue(&db, "jpy").await.cash.current.payments, money(1, 1_000));
        assert_eq!(revenue(&db, "kwd").await.cash.current.payments, money(1, 12_500));
    }
}

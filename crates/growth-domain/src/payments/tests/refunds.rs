use super::*;

/// A charge of 1000 with so much captured and refunded.
fn part(seconds: i64, captured: i64, refunded: i64) -> PaymentFact {
    let mut fact = charge(seconds, "ch_1", Some("pi_1"), "succeeded", refunded);
    let PaymentObject::Charge(object) = &mut fact.object else { unreachable!() };
    (object.amount, object.amount_captured, object.captured) = (1000, captured, captured > 0);
    fact
}

fn refund_at(seconds: i64, id: &str, amount: i64, reason: &str) -> PaymentFact {
    let mut fact = refund(seconds, id, amount, "succeeded");
    let PaymentObject::Refund(object) = &mut fact.object else { unreachable!() };
    (object.created, object.reason) = (Some(at(seconds)), Some(reason.to_owned()));
    fact
}

fn counted(facts: &[PaymentFact]) -> Vec<(String, i64, i64)> {
    let refunds = in_any_order(facts).refunds.into_iter().filter(|refund| refund.counted);
    refunds.map(|refund| (refund.id, refund.amount, (refund.created_at - at(0)).num_seconds())).collect()
}

fn row(id: &str, amount: i64, seconds: i64) -> (String, i64, i64) {
    (id.to_owned(), amount, seconds)
}

#[test]
fn a_canceled_authorisation_is_no_refund() {
    let untold = [part(1, 0, 0), part(60, 0, 1000), intent(60, "pi_1", "canceled")];
    let group = in_any_order(&untold);
    assert!(group.refunds.is_empty());
    assert_eq!((group.payments[0].status, group.payments[0].refund_amount), (Status::Canceled, 0));

    let told = [untold.as_slice(), &[refund_at(60, "re_1", 1000, "expired_uncaptured_charge")]].concat();
    let group = in_any_order(&told);
    assert_eq!(
        group.refunds.iter().map(|r| (r.id.as_str(), r.counted)).collect::<Vec<_>>(),
        [("re_1", false)]
    );
    assert_eq!(group.payments[0].refund_amount, 0);
    // By its charge or by its reason, one of the two is enough.
    assert_eq!(counted(&[part(1, 0, 0), refund_at(60, "re_1", 1000, "requested_by_customer")]), []);
    assert_eq!(counted(&[refund_at(60, "re_1", 1000, "expired_uncaptured_charge")]), []);
}

#[test]
fn a_refund_of_a_charge_whose_intent_tells_of_its_capture_counts() {
    let mut paid = intent(9, "pi_1", "succeeded");
    let PaymentObject::PaymentIntent(object) = &mut paid.object else { unreachable!() };
    object.charge = Some("ch_1".into());
    assert_eq!(
        counted(&[part(1, 0, 0), paid, refund_at(60, "re_1", 300, "duplicate")]),
        [row("re_1", 300, 60)]
    );
}

#[test]
fn what_a_partial_capture_releases_is_no_refund() {
    let captured = [part(1, 0, 0), part(10, 600, 400)];
    assert_eq!(counted(&captured), []);
    assert_eq!(one(&captured).amount, 600);
    let refunded = [captured.as_slice(), &[part(60, 600, 500)]].concat();
    assert_eq!(counted(&refunded), [row("ch_1", 100, 60)]);
    assert_eq!(one(&refunded).refund_amount, 100);
}

#[test]
fn the_refund_that_releases_the_rest_of_a_partial_capture_is_known_by_its_amount() {
    let captured = [part(1, 0, 0), part(10, 600, 400), refund_at(11, "re_release", 400, "")];
    assert_eq!(counted(&captured), []);
    assert_eq!(fold(&captured).refunds.len(), 1);
    // A real refund of the same amount comes on top.
    let same = [captured.as_slice(), &[part(60, 600, 800), refund_at(60, "re_1", 400, "")]].concat();
    assert_eq!(counted(&same), [row("re_1", 400, 60)]);
    // Without the release's own object, what the sum holds says that this one is real.
    let untold = [part(10, 600, 400), part(60, 600, 800), refund_at(60, "re_1", 400, "")];
    assert_eq!(counted(&untold), [row("re_1", 400, 60)]);
    // And one that is made after the capture is none.
    let later = [part(10, 600, 0), part(60, 600, 400), refund_at(60, "re_1", 400, "")];
    assert_eq!(counted(&later), [row("re_1", 400, 60)]);
}

#[test]
fn each_growth_of_the_sum_is_a_refund_at_its_own_time() {
    let facts = [part(1, 1000, 0), part(60, 1000, 100), part(90, 1000, 300)];
    assert_eq!(counted(&facts[..2]), [row("ch_1", 100, 60)]);
    assert_eq!(counted(&facts), [row("ch_1", 100, 60), row("ch_1#2", 200, 90)]);
    assert_eq!((one(&facts).refund_amount, one(&facts).refunded_at), (300, Some(at(90))));
    let late = [facts.as_slice(), &[refund_at(90, "re_2", 200, "")]].concat();
    assert_eq!(counted(&late), [row("ch_1", 100, 60), row("re_2", 200, 90)]);
    let both = [late.as_slice(), &[refund_at(59, "re_1", 100, "")]].concat();
    assert_eq!(counted(&both), [row("re_1", 100, 59), row("re_2", 200, 90)]);
}

#[test]
fn a_sum_that_shrinks_takes_back_the_latest_growths() {
    let facts = [part(1, 1000, 0), part(60, 1000, 100), part(90, 1000, 300), part(95, 1000, 250)];
    assert_eq!(counted(&facts), [row("ch_1", 100, 60), row("ch_1#2", 150, 90)]);
    let more = [facts.as_slice(), &[part(99, 1000, 40), part(120, 1000, 50)]].concat();
    assert_eq!(counted(&more), [row("ch_1", 40, 60), row("ch_1#2", 10, 120)]);
}

#[test]
fn two_refunds_of_one_second_are_both_in_the_sum_whatever_their_events_are_named() {
    let (mut first, mut second) = (part(60, 1000, 100), part(60, 1000, 300));
    first.stamp.event_id = "evt_z".into();
    second.stamp.event_id = "evt_a".into();
    assert_eq!(counted(&[first, second]), [row("ch_1", 100, 60), row("ch_1#2", 200, 60)]);
}

#[test]
fn a_refund_dated_some_seconds_after_the_sum_that_holds_it_counts_once() {
    let held = [part(60, 1000, 500), refund_at(63, "re_1", 500, "")];
    assert_eq!(counted(&held), [row("re_1", 500, 63)]);
    // Where it does not fit into the sum, it is not in there.
    let apart = [part(60, 1000, 100), refund_at(63, "re_1", 500, "")];
    assert_eq!(counted(&apart), [row("ch_1", 100, 60), row("re_1", 500, 63)]);
    let later = [part(60, 1000, 500), refund_at(66, "re_1", 500, "")];
    assert_eq!(counted(&later), [row("ch_1", 500, 60), row("re_1", 500, 66)]);
}

#[test]
fn absurd_amounts_do_not_overflow() {
    let facts = [
        part(1, 1000, i64::MAX),
        refund_at(60, "re_1", i64::MAX, ""),
        refund_at(61, "re_2", i64::MAX, ""),
        part(70, i64::MIN, i64::MAX),
        part(71, 600, i64::MIN),
    ];
    assert_eq!(one(&facts).refund_amount, i64::MAX);
    in_any_order(&facts);
}

#[test]
fn a_refund_that_was_read_as_failed_is_in_the_sums_where_it_explains_them() {
    let failed = |seconds, id: &str, made, amount, from_event| {
        let mut fact = refund(seconds, id, amount, "failed");
        let PaymentObject::Refund(object) = &mut fact.object else { unreachable!() };
        object.created = Some(at(made));
        PaymentFact { from_event, ..fact }
    };
    let sums = [part(1, 1000, 0), part(10, 1000, 97), part(30, 1000, 200)];
    let read = [failed(500, "re_1", 10, 97, false), failed(500, "re_2", 30, 200, false)];
    assert_eq!(counted(&[&sums[..], &read].concat()), []);
    let later = [failed(500, "re_1", 10, 97, false), refund_at(20, "re_2", 200, "duplicate")];
    assert_eq!(counted(&[&sums[..], &later].concat()), [row("re_2", 200, 20)]);
    // An event says when: the second sum does not hold it any more.
    let told = failed(20, "re_1", 10, 97, true);
    assert_eq!(counted(&[&sums[..], &[told]].concat()), [row("ch_1", 200, 30)]);
}

#[test]
fn many_refunds_that_may_be_in_a_sum_take_no_time() {
    let read = (0..200).map(|n| {
        let fact = refund(500, &format!("re_{n}"), 1 << (n % 40), "failed");
        PaymentFact { from_event: false, ..fact }
    });
    let facts: Vec<PaymentFact> = read.chain([part(600, 1000, 900)]).collect();
    assert_eq!(fold(&facts).payments[0].refund_amount, 900);
}

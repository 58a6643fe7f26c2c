//! The order of meaning inside one second.
//!
//! Stripe stamps events with whole seconds, and one payment tells of itself in
//! several events of the same second. Between facts about the same object a
//! [`Stamp`](crate::stamp::Stamp) therefore carries a rank, and the fact with
//! the higher rank is the later one. The rules, in this order:
//!
//! 1. A `….deleted` event beats everything.
//! 2. The status decides: final beats open, paid beats unpaid. A status that
//!    Stripe adds one day sits in the middle: it beats a beginning and yields
//!    to an end.
//! 3. The event type decides between equal statuses: `….created` tells the
//!    beginning, a plain object (empty type) may be as old as that, any other
//!    event is a change, and the types that end something come last.
//!
//! Ranks compare facts about one object of one kind only, never across kinds.
//!
//! Ranks do not reach past their second. What does is [`finality`]: an end stays an
//! end, whatever a fact with a later stamp shows.

use crate::facts::{PaymentObject, SubscriptionState};

/// Beats every status.
const DELETED: i64 = 1_000_000;

/// Where a status stands that this version does not know.
const UNKNOWN: i64 = 50;

/// Steps of a life that every kind of object shares, spaced for those of one kind.
const CREATED: i64 = 10;
const PLAIN: i64 = 20;
const CHANGED: i64 = 30;
const TURNED: i64 = 40;
const ENDED: i64 = 50;

/// How final the state is that a fact shows. A later fact that is less final is stale: its event was
/// stamped late, or an old copy of the object was read.
///
/// States from which there is a way back are 0. Where Stripe knows no way from one end to another, the
/// one in which money moved is the more final.
pub fn finality(object: &PaymentObject) -> u8 {
    match object {
        PaymentObject::CheckoutSession(session) => u8::from(session.payment_status == "paid"),
        PaymentObject::PaymentIntent(intent) => match intent.status.as_str() {
            "succeeded" => 2,
            "canceled" => 1,
            _ => 0,
        },
        // An authorisation succeeds before it is captured.
        PaymentObject::Charge(charge) => match charge.status.as_str() {
            "succeeded" if charge.captured => 2,
            "succeeded" | "failed" => 1,
            _ => 0,
        },
        PaymentObject::Invoice(invoice) => match invoice.status.as_str() {
            "paid" => 2,
            "void" => 1,
            _ => 0,
        },
        PaymentObject::InvoicePayment(paid) => match paid.status.as_str() {
            "paid" => 2,
            "canceled" => 1,
            _ => 0,
        },
        // A refund can fail after it succeeded, and never the other way round.
        PaymentObject::Refund(refund) => u8::from(matches!(refund.status.as_str(), "failed" | "canceled")),
        // A dispute can be opened again.
        PaymentObject::Dispute(_) => 0,
    }
}

/// Whether a subscription ended: it never comes back.
pub fn subscription_is_over(state: &SubscriptionState) -> bool {
    state.deleted || matches!(state.status.as_str(), "canceled" | "incomplete_expired")
}

/// Ranks a subscription: paying beats owing, canceled beats active.
///
/// Within a second a subscription goes from `incomplete` to `active` when its
/// first payment succeeds, so `active` beats every state that waits for money.
pub fn subscription(status: &str, event_type: &str) -> i64 {
    let meaning = match status {
        "incomplete" => 10,
        "trialing" => 20,
        "paused" => 25,
        "past_due" => 30,
        "unpaid" => 40,
        "active" => 60,
        "incomplete_expired" => 80,
        "canceled" => 90,
        _ => UNKNOWN,
    };
    combine(meaning, life(event_type))
}

/// Ranks an invoice: paid beats all that is open, void and uncollectible.
///
/// A failed attempt is the last word on an open invoice, and `invoice.paid`
/// (which tells payments out of band too) on a paid one.
pub fn invoice(status: &str, event_type: &str) -> i64 {
    let meaning = match status {
        "draft" => 10,
        "open" => 20,
        "uncollectible" => 70,
        "void" => 80,
        "paid" => 90,
        _ => UNKNOWN,
    };
    let step = match event_type {
        "invoice.payment_failed" | "invoice.payment_succeeded" => TURNED,
        "invoice.paid" | "invoice.voided" | "invoice.marked_uncollectible" => ENDED,
        other => life(other),
    };
    combine(meaning, step)
}

/// Ranks a payment intent: succeeded beats canceled, both beat what is under way.
///
/// `payment_intent.payment_failed` puts the intent back to
/// `requires_payment_method`, the status it began with. The event stands for a
/// state of its own, past every state that waits.
pub fn payment_intent(status: &str, event_type: &str) -> i64 {
    let meaning = match (status, event_type) {
        ("succeeded", _) => 90,
        ("canceled", _) => 80,
        (_, "payment_intent.payment_failed") => 60,
        ("requires_payment_method" | "requires_source", _) => 10,
        ("requires_confirmation", _) => 15,
        ("requires_action" | "requires_source_action", _) => 20,
        ("processing", _) => 30,
        ("requires_capture", _) => 40,
        _ => UNKNOWN,
    };
    combine(meaning, life(event_type))
}

/// Ranks a charge: succeeded beats failed, both beat pending; a refund beats the charge it returns.
pub fn charge(status: &str, event_type: &str) -> i64 {
    let meaning = match status {
        "pending" => 10,
        "failed" => 70,
        "succeeded" | "paid" => 90,
        _ => UNKNOWN,
    };
    let step = match event_type {
        "charge.pending" | "charge.succeeded" | "charge.failed" => CREATED,
        "charge.refunded" => TURNED,
        "charge.expired" => ENDED,
        other => life(other),
    };
    combine(meaning, step)
}

/// Ranks a refund: failed and canceled beat succeeded, for they come after it and give the amount back.
pub fn refund(status: &str, event_type: &str) -> i64 {
    let meaning = match status {
        "pending" => 10,
        "requires_action" => 20,
        "succeeded" => 70,
        "canceled" => 80,
        "failed" => 90,
        _ => UNKNOWN,
    };
    let step = if event_type == "refund.failed" { ENDED } else { life(event_type) };
    combine(meaning, step)
}

/// Ranks a dispute: won and lost beat what is under review.
///
/// Between equal statuses the money that went comes before the money that came
/// back, and the closing last. A won and a lost dispute never share a second;
/// if they did, the loss would stand.
pub fn dispute(status: &str, event_type: &str) -> i64 {
    let meaning = match status {
        "warning_needs_response" => 10,
        "warning_under_review" => 15,
        "needs_response" => 20,
        "under_review" => 30,
        "prevented" | "warning_closed" => 70,
        "charge_refunded" => 75,
        "won" => 80,
        "lost" => 90,
        _ => UNKNOWN,
    };
    let step = match event_type {
        "charge.dispute.funds_withdrawn" => TURNED,
        "charge.dispute.funds_reinstated" => TURNED + 1,
        "charge.dispute.closed" => ENDED,
        other => life(other),
    };
    combine(meaning, step)
}

/// Ranks a checkout session by its payment status: paid beats unpaid.
///
/// Between equal statuses a session completes first, and its delayed payment
/// or its expiry comes after.
pub fn checkout_session(payment_status: &str, event_type: &str) -> i64 {
    let meaning = match payment_status {
        "unpaid" => 10,
        "no_payment_required" => 60,
        "paid" => 90,
        _ => UNKNOWN,
    };
    let step = match event_type {
        "checkout.session.async_payment_failed" | "checkout.session.async_payment_succeeded" => TURNED,
        "checkout.session.expired" => ENDED,
        other => life(other),
    };
    combine(meaning, step)
}

/// Ranks an invoice payment: paid beats canceled, both beat open.
pub fn invoice_payment(status: &str, event_type: &str) -> i64 {
    let meaning = match status {
        "open" => 10,
        "canceled" => 80,
        "paid" => 90,
        _ => UNKNOWN,
    };
    combine(meaning, life(event_type))
}

/// Ranks a customer, which has no status.
pub fn customer(event_type: &str) -> i64 {
    life(event_type)
}

/// Ranks a coupon's use, which has no status; one shown inside another object counts as a plain object.
pub fn discount(event_type: &str) -> i64 {
    life(event_type)
}

/// Ranks a price, a coupon or a product, none of which has a status.
///
/// Stripe tells of a recurring price twice, as `price.*` and as `plan.*` with
/// the same id. The price says more, so it beats the plan of the same step.
pub fn catalog(event_type: &str) -> i64 {
    let richer = i64::from(event_type.starts_with("price."));
    life(event_type) + richer
}

fn combine(meaning: i64, step: i64) -> i64 {
    meaning * 100 + step
}

fn life(event_type: &str) -> i64 {
    match event_type.rsplit('.').next() {
        Some("deleted") => DELETED,
        Some("created") => CREATED,
        Some("") | None => PLAIN,
        Some(_) => CHANGED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts that every rank is above the one before it.
    fn ascends(ranks: &[i64]) {
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?} is not in strictly ascending order");
    }

    #[test]
    fn a_subscription_goes_from_waiting_over_active_to_canceled() {
        let updated = |status| subscription(status, "customer.subscription.updated");
        ascends(&[
            subscription("incomplete", "customer.subscription.created"),
            updated("incomplete"),
            updated("trialing"),
            updated("paused"),
            updated("past_due"),
            updated("unpaid"),
            updated("a_status_of_2030"),
            updated("active"),
            updated("incomplete_expired"),
            updated("canceled"),
            subscription("canceled", "customer.subscription.deleted"),
        ]);
    }

    #[test]
    fn a_created_object_yields_to_the_same_status_read_or_updated() {
        ascends(&[
            subscription("active", "customer.subscription.created"),
            subscription("active", ""),
            subscription("active", "customer.subscription.updated"),
        ]);
        ascends(&[customer("customer.created"), customer(""), customer("customer.updated")]);
        ascends(&[
            discount("customer.discount.created"),
            discount(""),
            discount("customer.discount.updated"),
        ]);
    }

    #[test]
    fn deletion_beats_every_status() {
        assert!(subscription("active", "customer.subscription.deleted") > subscription("canceled", ""));
        assert!(customer("customer.deleted") > customer("customer.updated"));
        assert!(invoice("draft", "invoice.deleted") > invoice("paid", "invoice.paid"));
        assert!(discount("customer.discount.deleted") > discount("customer.discount.updated"));
        assert!(catalog("coupon.deleted") > catalog("coupon.updated"));
    }

    #[test]
    fn a_paid_invoice_beats_an_open_one() {
        ascends(&[
            invoice("draft", "invoice.created"),
            invoice("open", "invoice.created"),
            invoice("open", "invoice.finalized"),
            invoice("open", "invoice.payment_failed"),
            invoice("a_status_of_2030", "invoice.updated"),
            invoice("uncollectible", "invoice.marked_uncollectible"),
            invoice("void", "invoice.voided"),
            invoice("paid", "invoice.created"),
            invoice("paid", "invoice.updated"),
            invoice("paid", "invoice.payment_succeeded"),
            invoice("paid", "invoice.paid"),
        ]);
    }

    #[test]
    fn a_failed_intent_beats_a_waiting_one_and_yields_to_a_succeeded_one() {
        ascends(&[
            payment_intent("requires_payment_method", "payment_intent.created"),
            payment_intent("requires_action", "payment_intent.requires_action"),
            payment_intent("processing", "payment_intent.processing"),
            payment_intent("requires_capture", "payment_intent.amount_capturable_updated"),
            payment_intent("a_status_of_2030", ""),
            payment_intent("requires_payment_method", "payment_intent.payment_failed"),
            payment_intent("canceled", "payment_intent.canceled"),
            payment_intent("succeeded", "payment_intent.succeeded"),
        ]);
    }

    #[test]
    fn a_refunded_charge_beats_the_charge_before_its_refund() {
        ascends(&[
            charge("pending", "charge.pending"),
            charge("a_status_of_2030", ""),
            charge("failed", "charge.failed"),
            charge("succeeded", "charge.succeeded"),
            charge("succeeded", ""),
            charge("succeeded", "charge.captured"),
            charge("succeeded", "charge.refunded"),
            charge("succeeded", "charge.expired"),
        ]);
    }

    #[test]
    fn a_failed_refund_beats_a_succeeded_one() {
        ascends(&[
            refund("pending", "refund.created"),
            refund("requires_action", "refund.updated"),
            refund("", ""),
            refund("succeeded", "refund.created"),
            refund("succeeded", "charge.refund.updated"),
            refund("canceled", "refund.updated"),
            refund("failed", "refund.updated"),
            refund("failed", "refund.failed"),
        ]);
    }

    #[test]
    fn a_decided_dispute_beats_one_under_review() {
        ascends(&[
            dispute("warning_needs_response", "charge.dispute.created"),
            dispute("needs_response", "charge.dispute.created"),
            dispute("needs_response", "charge.dispute.funds_withdrawn"),
            dispute("under_review", "charge.dispute.updated"),
            dispute("a_status_of_2030", ""),
            dispute("won", "charge.dispute.updated"),
            dispute("won", "charge.dispute.funds_reinstated"),
            dispute("won", "charge.dispute.closed"),
            dispute("lost", "charge.dispute.closed"),
        ]);
    }

    #[test]
    fn a_paid_session_beats_an_unpaid_one() {
        ascends(&[
            checkout_session("unpaid", "checkout.session.completed"),
            checkout_session("unpaid", "checkout.session.async_payment_failed"),
            checkout_session("unpaid", "checkout.session.expired"),
            checkout_session("a_status_of_2030", ""),
            checkout_session("no_payment_required", "checkout.session.completed"),
            checkout_session("paid", "checkout.session.completed"),
            checkout_session("paid", "checkout.session.async_payment_succeeded"),
        ]);
    }

    #[test]
    fn a_paid_invoice_payment_beats_an_open_one() {
        ascends(&[
            invoice_payment("open", ""),
            invoice_payment("a_status_of_2030", ""),
            invoice_payment("canceled", ""),
            invoice_payment("paid", ""),
            invoice_payment("paid", "invoice_payment.paid"),
        ]);
    }

    #[test]
    fn a_price_beats_the_plan_of_the_same_step() {
        ascends(&[
            catalog("plan.created"),
            catalog("price.created"),
            catalog(""),
            catalog("plan.updated"),
            catalog("price.updated"),
            catalog("plan.deleted"),
            catalog("price.deleted"),
        ]);
    }
}

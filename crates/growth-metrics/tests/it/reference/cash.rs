//! Money that moved, by the truth about payments, refunds, disputes and invoices.

use chrono::{DateTime, Utc};
use growth_demo::world::{TruthInvoice, TruthPayment};
use growth_metrics::{Cash, Money, Recovery};

use super::clock::{Span, is_in};
use super::{Asked, ratio};

fn money(amounts: impl Iterator<Item = i64>) -> Money {
    amounts.fold(Money::default(), |sum, amount| Money { count: sum.count + 1, amount: sum.amount + amount })
}

fn paid<'a>(asked: &'a Asked, currency: &str, span: Span) -> Vec<&'a TruthPayment> {
    let payments = asked.facts.business.truth.payments.iter();
    let of_currency = payments.filter(|payment| payment.currency == currency);
    of_currency.filter(|payment| payment.paid_at.is_some_and(|at| is_in(span, at))).collect()
}

pub(crate) fn cash(asked: &Asked, currency: &str, span: Span) -> Cash {
    let truth = &asked.facts.business.truth;
    let paid = paid(asked, currency, span);
    let failed = truth.payments.iter().filter(|payment| !payment.succeeded && payment.currency == currency);
    let failed = failed.filter(|payment| is_in(span, asked.facts.begun[&payment.payment_intent]));
    let refunds =
        truth.refunds.iter().filter(|refund| refund.currency == currency && refund.status != "failed");
    let disputes: Vec<_> = truth.disputes.iter().filter(|dispute| dispute.currency == currency).collect();
    let taken: Vec<_> = disputes.iter().filter(|dispute| is_in(span, dispute.created)).collect();
    let back = disputes
        .iter()
        .filter(|dispute| asked.facts.reinstated.get(&dispute.id).is_some_and(|at| is_in(span, *at)))
        .map(|dispute| dispute.reinstated)
        .sum::<i64>();
    let mut cash = Cash {
        payments: money(paid.iter().map(|payment| payment.amount)),
        unattributed: money(
            paid.iter().filter(|payment| payment.user.is_none()).map(|payment| payment.amount),
        ),
        by_invoice_only: Money::default(),
        failed_payments: money(failed.map(|payment| payment.amount)),
        refunds: money(refunds.filter(|refund| is_in(span, refund.created)).map(|refund| refund.amount)),
        refunds_without_payment: Money::default(),
        disputes: money(taken.iter().map(|dispute| dispute.amount)),
        net_before_fees: 0,
        known_fees: paid.iter().filter_map(|payment| payment.fee).sum::<i64>()
            + taken.iter().map(|dispute| dispute.fee).sum::<i64>(),
        fees_unknown: paid.iter().filter(|payment| payment.fee.is_none()).count() as u64,
        dispute_fees_unknown: 0,
        net: None,
    };
    cash.disputes.amount -= back;
    cash.net_before_fees = cash.payments.amount - cash.refunds.amount - cash.disputes.amount;
    cash.net = (cash.fees_unknown == 0).then(|| cash.net_before_fees - cash.known_fees);
    cash
}

pub(crate) fn first_payment(asked: &Asked, currency: &str) -> Option<DateTime<Utc>> {
    let ever = (DateTime::UNIX_EPOCH, asked.window.1);
    paid(asked, currency, ever).into_iter().filter_map(|payment| payment.paid_at).min()
}

/// Invoices whose first attempt failed, as they stand at the end of the report.
pub(crate) fn recovery(asked: &Asked, currency: &str, span: Span) -> Recovery {
    let invoices = asked.facts.business.truth.invoices.iter();
    let failed: Vec<_> = invoices
        .filter(|invoice| invoice.currency == currency && invoice.failed_at.is_some_and(|at| is_in(span, at)))
        .collect();
    let (recovered, open): (Vec<&TruthInvoice>, Vec<&TruthInvoice>) =
        failed.iter().partition(|invoice| invoice.paid_at.is_some_and(|at| at < asked.window.1));
    let failed = money(failed.iter().map(|invoice| invoice.total));
    let recovered = money(recovered.iter().map(|invoice| invoice.total));
    Recovery {
        failed,
        recovered,
        open: money(open.iter().map(|invoice| invoice.total)),
        by_count: ratio(recovered.count, failed.count),
        by_volume: ratio(recovered.amount, failed.amount),
    }
}

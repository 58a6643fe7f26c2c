//! Money that moved or failed to move: checkout sessions, payment intents,
//! charges, invoice payments, refunds and disputes.

use growth_domain::facts::{
    Charge, CheckoutSession, Claim, Dispute, Fact, InvoicePayment, PaymentIntent, PaymentObject, Refund,
};
use growth_domain::rank;

use crate::customers::owner;
use crate::extract::{Cut, ExtractError, Extraction, Origin};
use crate::fields::{Expandable, Fields};

/// Reads a checkout session and its claim about who the customer is.
///
/// The oldest sessions say neither mode nor payment status: the mode follows
/// from what they lead to, the status stays empty.
pub(crate) fn checkout_session(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    let subscription = fields.reference(["subscription"])?;
    let implied_mode = if subscription.is_some() { "subscription" } else { "payment" };
    let session = CheckoutSession {
        id: fields.required_id()?,
        created: fields.instant(["created"])?,
        mode: fields.text(["mode"])?.unwrap_or_else(|| implied_mode.to_owned()),
        payment_status: fields.text(["payment_status"])?.unwrap_or_default(),
        amount_total: fields.amount(["amount_total"])?,
        currency: fields.currency(["currency"])?,
        payment_intent: fields.reference(["payment_intent"])?,
        invoice: fields.reference(["invoice"])?,
        subscription,
        customer: owner(fields)?,
        client_reference_id: fields.label(["client_reference_id"])?,
        user_id: fields.label(["metadata.user_id"])?,
        email: fields.label(["customer_details.email", "customer_email"])?,
    };
    let rank = rank::checkout_session(&session.payment_status, origin.event_type);
    let claim = session.customer.clone().map(|customer| Claim {
        stamp: origin.stamp(rank),
        source: session.id.clone(),
        customer,
        client_reference_id: session.client_reference_id.clone(),
        user_id: session.user_id.clone(),
        email: session.email.clone(),
    });
    out.push_payment(origin, rank, PaymentObject::CheckoutSession(session));
    if let Some(claim) = claim {
        out.push(Fact::Claim(claim));
    }
    Ok(())
}

/// Reads a payment intent, the charges that it shows, and its claim.
///
/// It claims who the customer is only where it says so itself: an intent made
/// by Stripe for an invoice has no metadata of the application's. Its receipt
/// address may be anybody's, so it is no claim.
pub(crate) fn payment_intent(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    let charges = fields.list(["charges"])?;
    let intent = PaymentIntent {
        id: fields.required_id()?,
        created: fields.instant(["created"])?,
        status: fields.required_text(["status"])?,
        amount: fields.required_amount(["amount"])?,
        amount_received: fields.amount(["amount_received"])?.unwrap_or(0),
        currency: fields.required_currency(["currency"])?,
        customer: owner(fields)?,
        invoice: fields.reference(["invoice"])?,
        order_reference: fields.text(["payment_details.order_reference"])?,
        charge: match fields.reference(["latest_charge"])? {
            Some(charge) => Some(charge),
            None => newest(charges.expanded())?,
        },
        user_id: fields.label(["metadata.user_id"])?,
        email: fields.label(["receipt_email"])?,
        failure_code: fields.text([
            "last_payment_error.code",
            "last_payment_error.decline_code",
            "last_payment_error.type",
        ])?,
        failure_message: fields.text(["last_payment_error.message"])?,
    };
    let rank = rank::payment_intent(&intent.status, origin.event_type);
    let claim = match (&intent.customer, &intent.user_id) {
        (Some(customer), Some(user_id)) => Some(Claim {
            stamp: origin.stamp(rank),
            source: intent.id.clone(),
            customer: customer.clone(),
            client_reference_id: None,
            user_id: Some(user_id.clone()),
            email: None,
        }),
        _ => None,
    };
    out.push_payment(origin, rank, PaymentObject::PaymentIntent(intent));
    if let Some(claim) = claim {
        out.push(Fact::Claim(claim));
    }
    for inner in charges.expanded() {
        charge(inner, &origin.inside(), out)?;
    }
    match fields.expandable(["latest_charge"])? {
        Some(Expandable::Object(inner)) if inner.has(["object"]) => charge(&inner, &origin.inside(), out),
        _ => Ok(()),
    }
}

/// Reads a charge and the refunds that it shows.
pub(crate) fn charge(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    let amount = fields.required_amount(["amount"])?;
    let charge = Charge {
        id: fields.required_id()?,
        created: fields.instant(["created"])?,
        status: fields.required_text(["status"])?,
        captured: !fields.has(["captured"]) || fields.flag(["captured"])?,
        amount,
        amount_captured: fields.amount(["amount_captured"])?.unwrap_or(amount),
        amount_refunded: fields.amount(["amount_refunded"])?.unwrap_or(0),
        currency: fields.required_currency(["currency"])?,
        customer: owner(fields)?,
        payment_intent: fields.reference(["payment_intent"])?,
        invoice: fields.reference(["invoice"])?,
        fee: fields.amount(["balance_transaction.fee"])?,
        fee_currency: fields.currency(["balance_transaction.currency"])?,
        booked_at: fields.instant(["balance_transaction.created"])?,
        method: fields.text(["payment_method_details.type"])?,
        email: fields.label(["billing_details.email", "receipt_email"])?,
        user_id: fields.label(["metadata.user_id"])?,
        failure_code: fields.text(["failure_code"])?,
        failure_message: fields.text(["failure_message"])?,
    };
    let (id, payment_intent) = (charge.id.clone(), charge.payment_intent.clone());
    let rank = rank::charge(&charge.status, origin.event_type);
    out.push_payment(origin, rank, PaymentObject::Charge(charge));

    let refunds = fields.list(["refunds"])?;
    for inner in refunds.expanded() {
        let mut refund = read_refund(inner)?;
        refund.charge.get_or_insert_with(|| id.clone());
        refund.payment_intent = refund.payment_intent.or_else(|| payment_intent.clone());
        let rank = rank::refund(&refund.status, "");
        out.push_payment(&origin.inside(), rank, PaymentObject::Refund(refund));
    }
    if refunds.is_cut() {
        let shown = refunds.expanded().count();
        out.cut.push(Cut { object: id, list: "refunds", shown, total: refunds.total() });
    }
    Ok(())
}

/// Reads which payment paid which invoice.
pub(crate) fn invoice_payment(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    let payment = InvoicePayment {
        id: fields.required_id()?,
        created: fields.instant(["created"])?,
        status: fields.required_text(["status"])?,
        amount_paid: fields.amount(["amount_paid"])?.unwrap_or(0),
        currency: fields.required_currency(["currency"])?,
        invoice: fields.reference(["invoice"])?,
        payment_intent: fields.reference(["payment.payment_intent"])?,
        charge: fields.reference(["payment.charge", "payment.payment_intent.latest_charge"])?,
        paid_at: fields.instant(["status_transitions.paid_at"])?,
    };
    let rank = rank::invoice_payment(&payment.status, origin.event_type);
    out.push_payment(origin, rank, PaymentObject::InvoicePayment(payment));
    Ok(())
}

/// Reads a refund.
pub(crate) fn refund(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    let refund = read_refund(fields)?;
    let rank = rank::refund(&refund.status, origin.event_type);
    out.push_payment(origin, rank, PaymentObject::Refund(refund));
    Ok(())
}

/// Reads a dispute and what its balance transactions moved.
pub(crate) fn dispute(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    let mut dispute = Dispute {
        id: fields.required_id()?,
        created: fields.instant(["created"])?,
        status: fields.required_text(["status"])?,
        amount: fields.required_amount(["amount"])?,
        currency: fields.required_currency(["currency"])?,
        charge: fields.reference(["charge"])?,
        payment_intent: fields.reference(["payment_intent"])?,
        reason: fields.text(["reason"])?,
        funds_withdrawn: origin.event_type == "charge.dispute.funds_withdrawn",
        funds_reinstated: origin.event_type == "charge.dispute.funds_reinstated",
        ..Dispute::default()
    };
    read_funds(fields, &mut dispute)?;
    let rank = rank::dispute(&dispute.status, origin.event_type);
    out.push_payment(origin, rank, PaymentObject::Dispute(dispute));
    Ok(())
}

fn read_refund(fields: &Fields<'_>) -> Result<Refund, ExtractError> {
    Ok(Refund {
        id: fields.required_id()?,
        created: fields.instant(["created"])?,
        status: fields.text(["status"])?.unwrap_or_default(),
        amount: fields.required_amount(["amount"])?,
        currency: fields.required_currency(["currency"])?,
        charge: fields.reference(["charge"])?,
        payment_intent: fields.reference(["payment_intent"])?,
        reason: fields.text(["reason"])?,
    })
}

/// Sums a dispute's balance transactions, where they are shown: money that left
/// the balance is negative there, money that came back positive.
fn read_funds(fields: &Fields<'_>, dispute: &mut Dispute) -> Result<(), ExtractError> {
    let moves = fields.list(["balance_transactions"])?;
    if !fields.has(["balance_transactions"]) || moves.is_cut() {
        return Ok(());
    }
    let (mut withdrawn, mut reinstated, mut fee) = (0_i64, 0_i64, 0_i64);
    for moved in moves.expanded() {
        let currency = moved.required_currency(["currency"])?;
        match &dispute.balance_currency {
            None => dispute.balance_currency = Some(currency),
            Some(first) if *first == currency => {}
            Some(first) => {
                return Err(
                    moved.problem("currency", format!("is {currency:?}, expected {first:?} as before"))
                );
            }
        }
        let amount = moved.required_amount(["amount"])?;
        let side = if amount < 0 { &mut withdrawn } else { &mut reinstated };
        *side = fields.total("balance_transactions", *side, amount.abs())?;
        fee = fields.total("balance_transactions", fee, moved.amount(["fee"])?.unwrap_or(0))?;
    }
    dispute.withdrawn = Some(withdrawn);
    dispute.reinstated = Some(reinstated);
    dispute.fee = Some(fee);
    Ok(())
}

/// Chooses the charge that an old intent stands for: the newest, and of those
/// made in the same second the one that is not failed.
fn newest<'a, 'b: 'a>(charges: impl Iterator<Item = &'a Fields<'b>>) -> Result<Option<String>, ExtractError> {
    let mut newest = None;
    for charge in charges {
        let failed = charge.text(["status"])?.as_deref() == Some("failed");
        let age = (charge.instant(["created"])?, !failed);
        if newest.as_ref().is_none_or(|(known, _)| age > *known) {
            newest = Some((age, charge.required_id()?));
        }
    }
    Ok(newest.map(|(_, id)| id))
}

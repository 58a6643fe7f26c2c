//! Invoices, their lines, and the payments, prices and discounts that they show.

use growth_domain::facts::{Invoice, InvoiceLine, PaymentObject};
use growth_domain::rank;

use crate::catalog::{self, Use};
use crate::customers::owner;
use crate::extract::{Cut, ExtractError, Extraction, Origin};
use crate::fields::Fields;
use crate::payments;

/// Reads an invoice and what it shows.
pub(crate) fn invoice(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    let status = read_status(fields)?;
    let amount_due = fields.required_amount(["amount_due"])?;
    let implied_paid = if status == "paid" { amount_due } else { 0 };
    let lines = fields.list(["lines"])?;
    let (payment_intents, charges) = read_payers(fields)?;
    let invoice = Invoice {
        id: fields.required_id()?,
        created: fields.instant(["created", "date"])?,
        payment_failed: origin.event_type == "invoice.payment_failed",
        paid_out_of_band: fields.flag(["paid_out_of_band"])?,
        amount_due,
        amount_paid: fields.amount(["amount_paid"])?.unwrap_or(implied_paid),
        currency: fields.required_currency(["currency"])?,
        attempt_count: fields.count(["attempt_count"])?,
        billing_reason: fields.text(["billing_reason"])?,
        paid_at: fields.instant(["status_transitions.paid_at"])?,
        customer: owner(fields)?,
        email: fields.label(["customer_email"])?,
        subscription: fields.reference(["parent.subscription_details.subscription", "subscription"])?,
        user_id: fields.label([
            "metadata.user_id",
            "parent.subscription_details.metadata.user_id",
            "subscription_details.metadata.user_id",
        ])?,
        payment_intents,
        charges,
        lines: lines.expanded().map(read_line).collect::<Result<_, _>>()?,
        status,
    };
    if lines.is_cut() {
        let shown = lines.expanded().count();
        out.cut.push(Cut { object: invoice.id.clone(), list: "lines", shown, total: lines.total() });
    }
    let customer = invoice.customer.clone();
    let rank = rank::invoice(&invoice.status, origin.event_type);
    out.push_payment(origin, rank, PaymentObject::Invoice(Box::new(invoice)));

    for payment in fields.list(["payments"])?.expanded() {
        payments::invoice_payment(payment, &origin.inside(), out)?;
    }
    let holder = Use { customer: customer.as_deref(), ..Use::default() };
    read_discounts(fields, &holder, origin, out)?;
    for line in lines.expanded() {
        catalog::shown_price(line, None, origin, out)?;
        read_discounts(line, &holder, origin, out)?;
    }
    Ok(())
}

/// Reads the status; the oldest versions say it in several flags.
fn read_status(fields: &Fields<'_>) -> Result<String, ExtractError> {
    if let Some(status) = fields.text(["status"])? {
        return Ok(status);
    }
    if !fields.has(["paid", "closed"]) {
        return Err(fields.missing(["status"]));
    }
    let implied = if fields.flag(["paid"])? {
        "paid"
    } else if fields.flag(["forgiven"])? {
        "uncollectible"
    } else if fields.flag(["closed"])? {
        "void"
    } else {
        "open"
    };
    Ok(implied.to_owned())
}

/// Reads the payment intents and the charges that pay the invoice, each once.
fn read_payers(fields: &Fields<'_>) -> Result<(Vec<String>, Vec<String>), ExtractError> {
    let (mut intents, mut charges) = (Vec::new(), Vec::new());
    let payments = fields.list(["payments"])?;
    for payment in payments.expanded() {
        if payment.text(["status"])?.as_deref() != Some("canceled") {
            intents.extend(payment.reference(["payment.payment_intent"])?);
            charges.extend(payment.reference(["payment.charge", "payment.payment_intent.latest_charge"])?);
        }
    }
    intents.extend(fields.reference(["payment_intent"])?.filter(|id| !intents.contains(id)));
    let charge = fields.reference(["charge", "payment_intent.latest_charge"])?;
    charges.extend(charge.filter(|id| !charges.contains(id)));
    Ok((intents, charges))
}

fn read_line(fields: &Fields<'_>) -> Result<InvoiceLine, ExtractError> {
    let reductions = fields.list(["discount_amounts"])?;
    let mut discount = 0_i64;
    for reduction in reductions.expanded() {
        discount = fields.total("discount_amounts", discount, reduction.required_amount(["amount"])?)?;
    }
    Ok(InvoiceLine {
        subscription: fields.reference([
            "parent.subscription_item_details.subscription",
            "parent.invoice_item_details.subscription",
            "subscription",
        ])?,
        subscription_item: fields
            .reference(["parent.subscription_item_details.subscription_item", "subscription_item"])?,
        price: fields.reference(["pricing.price_details.price", "price", "plan"])?,
        price_nickname: fields.text([
            "price.nickname",
            "pricing.price_details.price.nickname",
            "plan.nickname",
        ])?,
        interval: fields.text([
            "price.recurring.interval",
            "pricing.price_details.price.recurring.interval",
            "plan.interval",
        ])?,
        interval_count: fields.count([
            "price.recurring.interval_count",
            "pricing.price_details.price.recurring.interval_count",
            "plan.interval_count",
        ])?,
        description: fields.text(["description"])?,
        amount: fields.required_amount(["amount"])?,
        discount,
        quantity: fields.count(["quantity"])?,
        proration: fields.flag([
            "parent.subscription_item_details.proration",
            "parent.invoice_item_details.proration",
            "proration",
        ])?,
        period_start: fields.instant(["period.start"])?,
        period_end: fields.instant(["period.end"])?,
    })
}

/// Reads the discounts that an invoice or one of its lines shows, in any of the places.
fn read_discounts(
    fields: &Fields<'_>,
    holder: &Use<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    catalog::shown_discount(fields, ["discount"], holder, origin, out)?;
    catalog::shown_discounts(fields, ["discounts"], holder, origin, out)?;
    for list in ["total_discount_amounts", "discount_amounts"] {
        for reduction in fields.list([list])?.expanded() {
            catalog::shown_discount(reduction, ["discount"], holder, origin, out)?;
        }
    }
    Ok(())
}

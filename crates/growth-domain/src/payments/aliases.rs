//! Which ids name something of the same group.

use crate::facts::PaymentObject;

/// Stripe cuts an intent's `order_reference` to this many characters.
const REFERENCE_LENGTH: usize = 25;

/// The ids under which a fact meets others of its group, itself first.
///
/// An id that begins with `~` is the cut reference by which an intent of a new
/// API version hints at its invoice. It brings both into one group, where the
/// fold decides whether to believe it.
pub fn aliases(object: &PaymentObject) -> Vec<String> {
    let mut aliases = Vec::new();
    let mut add = |id: &str| {
        if !id.is_empty() {
            aliases.push(id.to_owned());
        }
    };
    add(object.id());
    let mut add_all = |ids: &[&Option<String>]| ids.iter().filter_map(|id| id.as_deref()).for_each(&mut add);
    match object {
        PaymentObject::CheckoutSession(session) => {
            add_all(&[&session.payment_intent, &session.invoice]);
        }
        PaymentObject::PaymentIntent(intent) => {
            let hint = intent.order_reference.as_deref().and_then(hint);
            add_all(&[&intent.invoice, &intent.charge, &hint]);
        }
        PaymentObject::Charge(charge) => {
            add_all(&[&charge.payment_intent, &charge.invoice]);
        }
        PaymentObject::Invoice(invoice) => {
            add_all(&[&hint(&invoice.id)]);
            invoice.payment_intents.iter().chain(&invoice.charges).for_each(|id| add(id));
        }
        PaymentObject::InvoicePayment(paid) => {
            add_all(&[&paid.invoice, &paid.payment_intent, &paid.charge]);
        }
        PaymentObject::Refund(refund) => {
            add_all(&[&refund.charge, &refund.payment_intent]);
        }
        PaymentObject::Dispute(dispute) => {
            add_all(&[&dispute.charge, &dispute.payment_intent]);
        }
    }
    aliases
}

/// The alias of a reference to an invoice; `None` for any other free text.
fn hint(reference: &str) -> Option<String> {
    reference
        .starts_with("in_")
        .then(|| format!("~{}", reference.chars().take(REFERENCE_LENGTH).collect::<String>()))
}

/// Whether an intent's `order_reference` can mean this invoice.
pub(super) fn may_mean(reference: &str, invoice: &str) -> bool {
    hint(reference).is_some_and(|reference| Some(reference) == hint(invoice))
}

/// The name of a group: of all its ids the one of the most telling kind, and of those the smallest.
pub fn group_id<'a>(aliases: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let kind = |id: &str| match id.split_once('_').map(|(prefix, _)| prefix) {
        Some("pi") => 0,
        Some("in") => 1,
        Some("ch" | "py") => 2,
        Some("cs") => 3,
        _ => 4,
    };
    aliases.into_iter().filter(|id| !id.starts_with('~')).min_by_key(|id| (kind(id), *id))
}

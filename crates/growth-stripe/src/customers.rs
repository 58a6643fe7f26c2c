//! Customers, and who they claim to be.

use growth_domain::facts::{Claim, CustomerFact, Fact};
use growth_domain::rank;

use crate::catalog::{self, Use};
use crate::extract::{ExtractError, Extraction, Origin};
use crate::fields::Fields;

/// Reads a customer, its claim, and the discount it has as a whole.
///
/// A deleted customer claims a user only where the object still names one, and
/// no longer by e-mail: what earlier facts said of it stays, and so do the
/// payments that were attributed by them.
pub(crate) fn customer(
    fields: &Fields<'_>,
    origin: &Origin<'_>,
    out: &mut Extraction,
) -> Result<(), ExtractError> {
    let id = fields.required_id()?;
    let deleted = origin.deletes() || fields.flag(["deleted"])?;
    let stamp = origin.stamp(rank::customer(if deleted { "customer.deleted" } else { origin.event_type }));
    let email = fields.label(["email"])?;
    let user_id = fields.label(["metadata.user_id"])?;

    let mut inner = Extraction::default();
    let holder = Use { customer: Some(&id), ..Use::default() };
    catalog::shown_discount(fields, ["discount"], &holder, origin, &mut inner)?;

    out.push(Fact::Customer(CustomerFact {
        stamp: stamp.clone(),
        id: id.clone(),
        created: fields.instant(["created"])?,
        email: email.clone(),
        name: fields.text(["name"])?,
        deleted,
    }));
    if !deleted || user_id.is_some() {
        out.push(Fact::Claim(Claim {
            stamp,
            source: id.clone(),
            customer: id.clone(),
            client_reference_id: None,
            user_id,
            email: email.filter(|_| !deleted),
        }));
    }
    inner.facts.into_iter().for_each(|fact| out.push(fact));
    Ok(())
}

/// Reads whose an object is; accounts that are their own customers come under another name.
pub(crate) fn owner(fields: &Fields<'_>) -> Result<Option<String>, ExtractError> {
    fields.reference(["customer", "customer_account"])
}

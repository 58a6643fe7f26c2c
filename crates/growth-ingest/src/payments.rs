//! Facts about payments into groups, and groups into rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use growth_db::rows::{
    DisputeRow, InvoiceRow, PaymentAliasRow, PaymentFactRow, PaymentReferenceRow, PaymentRow, RefundRow,
};
use growth_db::table::{self, Table};
use growth_db::{Error, Tx};
use growth_domain::attribution::{Method, attribute};
use growth_domain::facts::PaymentFact;
use growth_domain::payments::{
    DisputeState, Group, InvoiceState, Payment, RefundState, aliases, fold, group_id,
};
use growth_domain::stamp::Scope;

use crate::customers;
use crate::users::{self, Users};

/// Stores the facts and folds every group that they belong to, and those of `customers`.
///
/// Returns the subscriptions whose invoices were folded.
pub(crate) async fn store(
    tx: &mut Tx,
    scope: &Scope,
    facts: Vec<PaymentFact>,
    customers: BTreeSet<String>,
) -> Result<BTreeSet<String>, Error> {
    let customers: Vec<String> = customers.into_iter().collect();
    let theirs = table::find::<PaymentRow>(&mut *tx, scope, "customer", &customers).await?;
    let groups = theirs.into_iter().map(|row| row.group_id).collect();
    store_and_fold(tx, scope, facts, groups).await
}

/// Stores the facts and folds every group that they belong to, and the given ones.
pub(crate) async fn store_and_fold(
    tx: &mut Tx,
    scope: &Scope,
    facts: Vec<PaymentFact>,
    mut groups: BTreeSet<String>,
) -> Result<BTreeSet<String>, Error> {
    let names: Vec<Vec<String>> = facts.iter().map(|fact| aliases(&fact.object)).collect();
    let mentioned: BTreeSet<String> = names.iter().flatten().cloned().collect();
    let mentioned: Vec<String> = mentioned.into_iter().collect();
    let met = table::find::<PaymentAliasRow>(&mut *tx, scope, "alias", &mentioned).await?;
    groups.extend(met.into_iter().map(|row| row.group_id));
    if groups.is_empty() && facts.is_empty() {
        return Ok(BTreeSet::new());
    }
    let groups: Vec<String> = groups.into_iter().collect();
    let stored_aliases = table::find::<PaymentAliasRow>(&mut *tx, scope, "group_id", &groups).await?;
    let stored_facts = table::find::<PaymentFactRow>(&mut *tx, scope, "group_id", &groups).await?;

    let mut components = Components::default();
    for row in &stored_aliases {
        components.join(&row.group_id, [row.alias.as_str()]);
    }
    for (fact, names) in facts.iter().zip(&names) {
        components.join(fact.object.id(), names.iter().map(String::as_str));
    }
    let named = components.named();

    let groups_before: HashMap<&str, &String> =
        stored_aliases.iter().map(|row| (row.alias.as_str(), &row.group_id)).collect();
    let mut alias_rows = Vec::new();
    for (alias, group) in &named {
        let before = groups_before.get(alias.as_str()).copied();
        // A group's own name is a node too, but an alias only where an object has that id.
        if before != Some(group) && (before.is_some() || mentioned.binary_search(alias).is_ok()) {
            alias_rows.push(PaymentAliasRow {
                account: scope.account.clone(),
                livemode: scope.livemode,
                alias: alias.clone(),
                group_id: group.clone(),
            });
        }
    }
    let mut folded: BTreeMap<String, Vec<PaymentFact>> = BTreeMap::new();
    let mut fact_rows = Vec::new();
    for row in stored_facts {
        let group = &named[&row.group_id];
        if row.group_id != *group {
            fact_rows.push(PaymentFactRow { group_id: group.clone(), ..row.clone() });
        }
        folded.entry(group.clone()).or_default().push(row.fact.0);
    }
    for fact in facts {
        let object_id = fact.object.id().to_owned();
        let group = named[&object_id].clone();
        fact_rows.push(PaymentFactRow {
            account: scope.account.clone(),
            livemode: scope.livemode,
            event_id: fact.stamp.event_id.clone(),
            object_id,
            group_id: group.clone(),
            fact: fact.clone().into(),
        });
        folded.entry(group).or_default().push(fact);
    }
    table::upsert(tx, &alias_rows).await?;
    table::upsert(tx, &fact_rows).await?;
    write(tx, scope, &groups, folded).await
}

/// Folds groups and replaces the rows of the groups that were there.
async fn write(
    tx: &mut Tx,
    scope: &Scope,
    groups_before: &[String],
    folded: BTreeMap<String, Vec<PaymentFact>>,
) -> Result<BTreeSet<String>, Error> {
    let groups: Vec<(String, Group)> = folded.into_iter().map(|(id, facts)| (id, fold(&facts))).collect();
    let payments = || groups.iter().flat_map(|(_, group)| &group.payments);
    let users = Users::named_by(tx, payments().flat_map(|payment| &payment.links)).await?;
    let customers = payments().filter_map(|payment| payment.customer.clone()).collect();
    let customer_users = customers::users_of(tx, scope, customers).await?;

    let mut rows = Rows::default();
    for (id, group) in &groups {
        rows.payments.extend(group.payments.iter().map(|payment| {
            let customer_user = payment.customer.as_ref().and_then(|customer| customer_users.get(customer));
            payment_row(scope, id, payment, customer_user.copied(), &users)
        }));
        rows.references.extend(references(scope, id, group));
        rows.refunds.extend(group.refunds.iter().map(|refund| refund_row(scope, id, refund)));
        rows.disputes.extend(group.disputes.iter().map(|dispute| dispute_row(scope, id, dispute)));
        rows.invoices.extend(group.invoices.iter().map(|invoice| invoice_row(scope, id, invoice)));
    }
    // The event that stands for a payment is unique, and may pass from one payment to another.
    replace(tx, scope, groups_before, &["id", "event_id"], &rows.payments, |row| {
        format!("{} {}", row.id, row.event_id)
    })
    .await?;
    let reference = |row: &PaymentReferenceRow| format!("{} {}", row.reference, row.group_id);
    replace(tx, scope, groups_before, &["reference", "group_id"], &rows.references, reference).await?;
    replace(tx, scope, groups_before, &["id"], &rows.refunds, |row| row.id.clone()).await?;
    replace(tx, scope, groups_before, &["id"], &rows.disputes, |row| row.id.clone()).await?;
    replace(tx, scope, groups_before, &["id"], &rows.invoices, |row| row.id.clone()).await?;
    Ok(rows.invoices.into_iter().filter_map(|row| row.subscription).collect())
}

#[derive(Default)]
struct Rows {
    payments: Vec<PaymentRow>,
    references: Vec<PaymentReferenceRow>,
    refunds: Vec<RefundRow>,
    disputes: Vec<DisputeRow>,
    invoices: Vec<InvoiceRow>,
}

async fn replace<T: Table>(
    tx: &mut Tx,
    scope: &Scope,
    groups_before: &[String],
    kept_by: &[&'static str],
    rows: &[T],
    key: impl Fn(&T) -> String,
) -> Result<(), Error> {
    let kept: Vec<String> = rows.iter().map(key).collect();
    table::delete_except::<T>(tx, scope, "group_id", groups_before, kept_by, &kept).await?;
    table::upsert(tx, rows).await?;
    Ok(())
}

/// Ids that are connected by facts.
#[derive(Default)]
struct Components {
    numbers: HashMap<String, usize>,
    parents: Vec<usize>,
}

impl Components {
    fn join<'a>(&mut self, id: &str, others: impl IntoIterator<Item = &'a str>) {
        let mut root = self.root_of(id);
        for other in others {
            let other = self.root_of(other);
            self.parents[other] = root;
            root = self.find(root);
        }
    }

    fn root_of(&mut self, id: &str) -> usize {
        let number = if let Some(number) = self.numbers.get(id) {
            *number
        } else {
            self.parents.push(self.parents.len());
            self.numbers.insert(id.to_owned(), self.parents.len() - 1);
            self.parents.len() - 1
        };
        self.find(number)
    }

    fn find(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }

    /// The name of every id's group.
    fn named(mut self) -> BTreeMap<String, String> {
        let numbers = std::mem::take(&mut self.numbers);
        let mut members: HashMap<usize, Vec<String>> = HashMap::new();
        for (id, number) in numbers {
            members.entry(self.find(number)).or_default().push(id);
        }
        let mut named = BTreeMap::new();
        for ids in members.into_values() {
            let name = group_id(ids.iter().map(String::as_str)).unwrap_or_default().to_owned();
            named.extend(ids.into_iter().map(|id| (id, name.clone())));
        }
        named
    }
}

pub(crate) fn payment_row(
    scope: &Scope,
    group: &str,
    payment: &Payment,
    customer_user: Option<i64>,
    users: &Users,
) -> PaymentRow {
    let user = attribute(&payment.links, customer_user, users);
    let latest = |by: &dyn Fn(Method) -> bool| {
        let fitting = payment.links.iter().filter(|link| by(link.method));
        fitting
            .max_by_key(|link| (std::cmp::Reverse(link.method), &link.stamp))
            .map(|link| link.value.clone())
    };
    PaymentRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        id: payment.id.clone(),
        group_id: group.to_owned(),
        event_id: payment.event_id.clone(),
        payment_intent: payment.payment_intent.clone(),
        charge: payment.charge.clone(),
        invoice: payment.invoice.clone(),
        checkout_session: payment.checkout_session.clone(),
        subscription: payment.subscription.clone(),
        customer: payment.customer.clone(),
        user_id: user.map(|(user, _)| user),
        attributed_by: user.map(|(_, method)| method.as_str().to_owned()),
        user_reference: latest(&|method| method != Method::Email),
        email: latest(&|method| method == Method::Email),
        amount: payment.amount,
        currency: payment.currency.clone(),
        status: payment.status.as_str().to_owned(),
        price: payment.price.clone(),
        plan_name: payment.plan_name.clone(),
        billing_period: payment.billing_period.clone(),
        method: payment.method.clone(),
        failure_code: payment.failure_code.clone(),
        failure_reason: payment.failure_reason.clone(),
        refunded_at: payment.refunded_at,
        refund_amount: payment.refund_amount,
        refund_reason: payment.refund_reason.clone(),
        fee: payment.fee,
        fee_currency: payment.fee_currency.clone(),
        paid_at: payment.paid_at,
        created_at: payment.created_at,
    }
}

/// Whom a group's payments name, whether or not there is such a user.
pub(crate) fn references(scope: &Scope, group_id: &str, group: &Group) -> Vec<PaymentReferenceRow> {
    let links = group.payments.iter().flat_map(|payment| &payment.links);
    let references: BTreeSet<String> = links.map(users::reference).collect();
    let row = |reference| PaymentReferenceRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        reference,
        group_id: group_id.to_owned(),
    };
    references.into_iter().map(row).collect()
}

pub(crate) fn refund_row(scope: &Scope, group: &str, refund: &RefundState) -> RefundRow {
    RefundRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        id: refund.id.clone(),
        group_id: group.to_owned(),
        payment: refund.payment.clone(),
        charge: refund.charge.clone(),
        amount: refund.amount,
        currency: refund.currency.clone(),
        status: refund.status.clone(),
        counted: refund.counted,
        origin: if refund.by_charge { "charge" } else { "refund" }.to_owned(),
        reason: refund.reason.clone(),
        created_at: refund.created_at,
    }
}

pub(crate) fn dispute_row(scope: &Scope, group: &str, dispute: &DisputeState) -> DisputeRow {
    DisputeRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        id: dispute.id.clone(),
        group_id: group.to_owned(),
        payment: dispute.payment.clone(),
        charge: dispute.charge.clone(),
        amount: dispute.amount,
        currency: dispute.currency.clone(),
        status: dispute.status.clone(),
        reason: dispute.reason.clone(),
        withdrawn: dispute.withdrawn,
        withdrawn_at: dispute.withdrawn_at,
        reinstated: dispute.reinstated,
        reinstated_at: dispute.reinstated_at,
        fee: dispute.fee,
        created_at: dispute.created_at,
    }
}

pub(crate) fn invoice_row(scope: &Scope, group: &str, invoice: &InvoiceState) -> InvoiceRow {
    let latest = &invoice.latest;
    InvoiceRow {
        account: scope.account.clone(),
        livemode: scope.livemode,
        id: latest.id.clone(),
        group_id: group.to_owned(),
        customer: latest.customer.clone(),
        subscription: latest.subscription.clone(),
        status: latest.status.clone(),
        amount_due: latest.amount_due,
        amount_paid: latest.amount_paid,
        currency: latest.currency.clone(),
        billing_reason: latest.billing_reason.clone(),
        attempt_count: latest.attempt_count,
        first_failed_at: invoice.first_failed_at,
        paid_at: latest.paid_at,
        created_at: invoice.created_at,
        lines: invoice.lines.clone().into(),
    }
}

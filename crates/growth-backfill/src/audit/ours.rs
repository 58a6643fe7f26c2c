//! Our side: rows reduced to what is compared.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use growth_db::rows::settings;
use growth_db::rows::{DisputeRow, InvoiceRow, PaymentAliasRow, PaymentFactRow, PaymentRow, RefundRow};
use growth_db::table::{self, Table, among};
use growth_db::{AssertSqlSafe, Db, Engine, Json, Query, query};
use growth_domain::facts::SubscriptionState;
use growth_domain::pricing::Policy;
use growth_domain::stamp::Scope;

use super::folded;
use super::objects::{Kind, Object, Told};
use super::theirs::{AHEAD, items};
use crate::clock::Clock;
use crate::error::Error;

growth_db::statements! {
    STORED_STATE = "SELECT state FROM subscription_changes WHERE account = $1 AND livemode = $2 AND subscription = $3
        ORDER BY stamp_at DESC, stamp_rank DESC, event_id DESC LIMIT 1";
    FAILED = "SELECT COUNT(*) AS n FROM stripe_events
        WHERE account = $1 AND livemode = $2 AND state = 'failed' AND payload LIKE $3";
}

/// Which rows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which<'a> {
    /// Those that were created from one instant until before another; of subscriptions all.
    Created(DateTime<Utc>, DateTime<Utc>),
    /// Those with these ids.
    Ids(&'a [String]),
}

/// The database's side.
#[derive(Clone, Debug)]
pub(super) struct Ours {
    db: Db,
    scope: Scope,
    clock: Clock,
}

/// What is done with each object.
pub(super) type Tell<'a> = &'a mut (dyn FnMut(Object) + Send);

impl Ours {
    pub(super) fn new(db: Db, scope: Scope, clock: Clock) -> Self {
        Self { db, scope, clock }
    }

    /// The policy that the ledger is built with.
    pub(super) async fn policy(&self) -> Result<Policy, Error> {
        let policy = settings::read(&self.db, settings::POLICY).await?;
        Ok(Policy::from_str(&policy).map_err(growth_ingest::Error::from)?)
    }

    /// Reads the objects of a kind, one after the other.
    pub(super) async fn each(&self, kind: Kind, which: Which<'_>, tell: Tell<'_>) -> Result<(), Error> {
        match kind {
            Kind::Payment => self.rows::<PaymentRow>(which, payment, tell).await,
            Kind::Refund => self.rows::<RefundRow>(which, refund, tell).await,
            Kind::Dispute => self.rows::<DisputeRow>(which, dispute, tell).await,
            Kind::Invoice => self.rows::<InvoiceRow>(which, invoice, tell).await,
            Kind::Subscription => self.subscriptions(which, tell).await,
        }
    }

    async fn rows<T: Table>(
        &self,
        which: Which<'_>,
        object: fn(T) -> Object,
        tell: Tell<'_>,
    ) -> Result<(), Error> {
        let by_ids = matches!(which, Which::Ids(_));
        let query = self.bound(query(&self.db, AssertSqlSafe(rows_sql::<T>(self.db.engine(), by_ids))));
        let query = match which {
            Which::Created(from, until) => query.bind(from).bind(until),
            Which::Ids(ids) => query.bind_texts(ids),
        };
        let mut rows = query.fetch::<T>()?;
        while let Some(row) = rows.try_next().await? {
            tell(object(row));
        }
        Ok(())
    }

    async fn subscriptions(&self, which: Which<'_>, tell: Tell<'_>) -> Result<(), Error> {
        let by_ids = matches!(which, Which::Ids(_));
        let sql = subscriptions_sql(self.db.engine(), by_ids);
        let query = self.bound(query(&self.db, AssertSqlSafe(sql))).bind(self.clock.now() + AHEAD);
        let query = match which {
            Which::Created(..) => query,
            Which::Ids(ids) => query.bind_texts(ids),
        };
        let mut rows = query.fetch::<SubscriptionLine>()?;
        while let Some(row) = rows.try_next().await? {
            tell(row.object());
        }
        Ok(())
    }

    fn bound<'c>(&self, query: Query<'c>) -> Query<'c> {
        query.bind(&self.scope.account).bind(self.scope.livemode)
    }

    /// The ids that are known to belong to the same group as an object, itself among them.
    pub(super) async fn group_of(&self, id: &str) -> Result<Vec<String>, Error> {
        let (db, scope) = (&self.db, &self.scope);
        let met = table::find::<PaymentAliasRow>(db, scope, "alias", &[id.to_owned()]).await?;
        let groups: Vec<String> = met.into_iter().map(|row| row.group_id).collect();
        let members = table::find::<PaymentAliasRow>(db, scope, "group_id", &groups).await?;
        Ok(members.into_iter().map(|row| row.alias).collect())
    }

    /// What the stored facts amount to by today's rules, as far as they belong to an object's group.
    pub(super) async fn folded(&self, id: &str) -> Result<Vec<Object>, Error> {
        let (db, scope) = (&self.db, &self.scope);
        let met = table::find::<PaymentAliasRow>(db, scope, "alias", &[id.to_owned()]).await?;
        let groups: Vec<String> = met.into_iter().map(|row| row.group_id).collect();
        let facts = table::find::<PaymentFactRow>(db, scope, "group_id", &groups).await?;
        Ok(folded::objects(&facts.into_iter().map(|row| row.fact.0).collect::<Vec<_>>()))
    }

    /// The latest state of a subscription that is stored, whatever its row says.
    pub(super) async fn stored_state(&self, id: &str) -> Result<Option<SubscriptionState>, Error> {
        let query = self.bound(query(&self.db, STORED_STATE)).bind(id);
        let stored: Option<(Json<SubscriptionState>,)> = query.fetch_optional().await?;
        Ok(stored.map(|(state,)| state.0))
    }

    /// Whether a stored event that could not be read names an object.
    pub(super) async fn failed_to_read(&self, id: &str) -> Result<bool, Error> {
        let query = self.bound(query(&self.db, FAILED)).bind(format!("%{id}%"));
        let (n,): (i64,) = query.fetch_one().await?;
        Ok(n > 0)
    }
}

fn rows_sql<T: Table>(engine: Engine, by_ids: bool) -> String {
    let columns: Vec<&str> = T::COLUMNS.iter().map(|(name, _)| *name).collect();
    let which =
        if by_ids { among(engine, "id", "$3") } else { "created_at >= $3 AND created_at < $4".to_owned() };
    format!("SELECT {} FROM {} WHERE account = $1 AND livemode = $2 AND {which}", columns.join(", "), T::NAME)
}

/// Subscriptions with their latest state, of which an end stays an end, and what they are worth now.
fn subscriptions_sql(engine: Engine, by_ids: bool) -> String {
    let which = if by_ids { format!("AND {}", among(engine, "s.id", "$4")) } else { String::new() };
    let of_it = "x.account = s.account AND x.livemode = s.livemode AND x.subscription = s.id";
    format!(
        "SELECT s.id, s.status, s.currency, s.paused, s.cancel_at_period_end, s.period_end,
            COALESCE(s.created_at, s.stamp_at) AS created, c.state, w.counted, w.net_micros, w.unpriced
        FROM subscriptions s
        JOIN subscription_changes c ON c.account = s.account AND c.livemode = s.livemode AND c.subscription = s.id
            AND c.event_id = (SELECT x.event_id FROM subscription_changes x WHERE {of_it} ORDER BY
                CASE WHEN x.status IN ('canceled', 'incomplete_expired') THEN 0 ELSE 1 END,
                x.stamp_at DESC, x.stamp_rank DESC, x.event_id DESC LIMIT 1)
        LEFT JOIN subscription_mrr w ON w.account = s.account AND w.livemode = s.livemode AND w.subscription = s.id
            AND w.at = (SELECT MAX(x.at) FROM subscription_mrr x WHERE {of_it} AND x.at <= $3)
        WHERE s.account = $1 AND s.livemode = $2 {which}"
    )
}

/// Every statement with its name, for the test that prepares them on both engines.
pub(crate) fn statements(engine: Engine) -> Vec<(String, String)> {
    let mut made = growth_db::named(&[STATEMENTS]);
    for (by_ids, how) in [(false, "created"), (true, "ids")] {
        made.push((format!("audit::payments by {how}"), rows_sql::<PaymentRow>(engine, by_ids)));
        made.push((format!("audit::refunds by {how}"), rows_sql::<RefundRow>(engine, by_ids)));
        made.push((format!("audit::disputes by {how}"), rows_sql::<DisputeRow>(engine, by_ids)));
        made.push((format!("audit::invoices by {how}"), rows_sql::<InvoiceRow>(engine, by_ids)));
        made.push((format!("audit::subscriptions by {how}"), subscriptions_sql(engine, by_ids)));
    }
    made
}

#[derive(sqlx::FromRow)]
struct SubscriptionLine {
    id: String,
    status: String,
    currency: String,
    paused: bool,
    cancel_at_period_end: bool,
    period_end: Option<DateTime<Utc>>,
    created: DateTime<Utc>,
    state: Json<SubscriptionState>,
    counted: Option<bool>,
    net_micros: Option<i64>,
    unpriced: Option<String>,
}

impl SubscriptionLine {
    fn object(self) -> Object {
        let mrr = if self.unpriced.is_some() {
            Told::NotKnown
        } else {
            Told::Micros(self.net_micros.unwrap_or_default())
        };
        Object {
            kind: Kind::Subscription,
            id: self.id,
            created: self.created,
            fields: vec![
                ("status", self.status.as_str().into()),
                ("items", items(&self.state)),
                ("currency", self.currency.as_str().into()),
                ("paused", Told::Flag(self.paused)),
                ("cancel_at_period_end", Told::Flag(self.cancel_at_period_end)),
                ("period_end", self.period_end.into()),
                ("counted", Told::Flag(self.counted.unwrap_or_default())),
                ("mrr", mrr),
            ],
            currency: self.currency,
            by_charge: false,
        }
    }
}

fn payment(row: PaymentRow) -> Object {
    Object {
        kind: Kind::Payment,
        id: row.id,
        created: row.created_at,
        fields: vec![
            ("status", row.status.as_str().into()),
            ("amount", Told::Minor(row.amount)),
            ("currency", row.currency.as_str().into()),
            ("customer", row.customer.as_deref().into()),
            ("invoice", row.invoice.as_deref().into()),
            ("subscription", row.subscription.as_deref().into()),
            ("refunded", Told::Minor(row.refund_amount)),
            ("paid_at", row.paid_at.into()),
            ("fee", row.fee.map_or(Told::NotKnown, Told::Minor)),
            ("fee_currency", row.fee_currency.as_deref().into()),
        ],
        currency: row.currency,
        by_charge: false,
    }
}

fn refund(row: RefundRow) -> Object {
    Object {
        kind: Kind::Refund,
        id: row.id,
        created: row.created_at,
        fields: vec![
            ("status", row.status.as_str().into()),
            ("amount", Told::Minor(row.amount)),
            ("currency", row.currency.as_str().into()),
            ("counted", Told::Flag(row.counted)),
        ],
        currency: row.currency,
        by_charge: row.origin == "charge",
    }
}

fn dispute(row: DisputeRow) -> Object {
    Object {
        kind: Kind::Dispute,
        id: row.id,
        created: row.created_at,
        fields: vec![
            ("status", row.status.as_str().into()),
            ("amount", Told::Minor(row.amount)),
            ("currency", row.currency.as_str().into()),
            ("withdrawn", Told::Minor(row.withdrawn)),
            ("reinstated", Told::Minor(row.reinstated)),
        ],
        currency: row.currency,
        by_charge: false,
    }
}

fn invoice(row: InvoiceRow) -> Object {
    Object {
        kind: Kind::Invoice,
        id: row.id,
        created: row.created_at,
        fields: vec![
            ("status", row.status.as_str().into()),
            ("amount_due", Told::Minor(row.amount_due)),
            ("amount_paid", Told::Minor(row.amount_paid)),
            ("currency", row.currency.as_str().into()),
        ],
        currency: row.currency,
        by_charge: false,
    }
}

//! The numbers that can be explained, by their names.

use std::fmt;
use std::str::FromStr;

use growth_domain::catalogue::EventName;

/// A number of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// About recurring revenue.
    Mrr(MrrMetric),
    /// About money that moved.
    Cash(CashMetric),
    /// About users.
    Users(UserMetric),
    /// About what users do.
    Product(ProductMetric),
}

/// Declares an enum of numbers with their names and meanings.
macro_rules! numbers {
    ($(#[$doc:meta])* $kind:ident { $($variant:ident = $name:literal: $meaning:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $kind { $(#[doc = $meaning] $variant,)+ }

        impl $kind {
            /// All of them, in the order of the report.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it is, and what its rows are.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

numbers! {
    /// A number about recurring revenue.
    MrrMetric {
        Mrr = "mrr": "MRR at the end of the period, by subscription",
        List = "list_mrr": "MRR before discounts, by subscription",
        Discounts = "discounts": "what discounts take off MRR, by subscription",
        Committed = "committed_mrr": "MRR of subscriptions whose end is not set, by subscription",
        Ending = "ending_mrr": "MRR of subscriptions whose end is set, by subscription",
        AtRisk = "at_risk_mrr": "MRR with an overdue payment, by subscription",
        Arr = "arr": "twelve times MRR, by subscription",
        ActiveSubscriptions = "active_subscriptions": "subscriptions that are active or past due",
        TrialingSubscriptions = "trialing_subscriptions": "subscriptions in a trial",
        Unpriced = "unpriced": "subscriptions that count but whose price is not known",
        PayingCustomers = "paying_customers": "customers with MRR at the end of the period",
        Arpu = "arpu": "R2: MRR over paying customers, by customer",
        Opening = "opening_mrr": "MRR at the start of the period, by subscription",
        New = "new_mrr": "MRR from customers who never paid before, by movement",
        Reactivation = "reactivation": "MRR from customers who came back, by movement",
        Expansion = "expansion": "MRR from customers who pay more, by movement",
        Contraction = "contraction": "MRR lost with customers who pay less, by movement",
        Churn = "churn": "MRR lost with customers who left, by movement",
        NetNew = "net_new_mrr": "what movements did to MRR, all together",
        CustomerChurn = "customer_churn": "R3: customers who left over those who paid at the start, by customer",
        NetRetention = "nrr": "R4: MRR now over MRR at the start of those who paid at the start, by customer",
        GrossRetention = "grr": "R5: the same without expansion, by customer",
        GrossChurn = "gross_mrr_churn": "R6: churn and contraction over opening MRR, by movement and subscription",
        QuickRatio = "quick_ratio": "R7: MRR gained over MRR lost, by movement",
        MonthlyChurn = "monthly_churn": "of R8: customers lost over those who paid, in each of the last three months",
        TrialConversion = "trial_conversion": "trials that became a paid plan over those that ended, by subscription",
        LargestCustomer = "largest_customer": "MRR of the largest customer over that of all, by customer",
    }
}

numbers! {
    /// A number about money that moved.
    CashMetric {
        NewRevenue = "new_revenue": "gross volume: payments that succeeded in the period",
        TotalRevenue = "total_revenue": "payments that ever succeeded, until the end of the period",
        ByInvoice = "by_invoice_only": "payments of the period that are known only by their invoice",
        Unattributed = "unattributed": "payments of the period whose user is not known",
        FailedPayments = "failed_payments": "payments begun in the period that failed and have not succeeded since",
        Refunds = "refunds": "refunds that went back in the period",
        Disputes = "disputes": "taken by disputes in the period, less what was given back",
        Fees = "fees": "fees of payments and disputes of the period, as far as they are known",
        NetBeforeFees = "net_before_fees": "payments of the period less refunds and disputes",
        NetVolume = "net_volume": "payments of the period less refunds, disputes and the fees that are known",
        Recovery = "recovery": "invoices that were paid over those whose first attempt failed in the period, by invoice",
        RecoveryByAmount = "recovery_by_amount": "what was paid of these invoices over what was due, by invoice",
        StillOpen = "recovery_open": "amount due of those of these invoices that can still be paid, by invoice",
    }
}

numbers! {
    /// A number about users.
    UserMetric {
        Total = "total_users": "users at the end of the period",
        New = "new_users": "users who signed up in the period",
        Active = "active_users": "users who were active on one of the period's local days",
        Activation = "activation": "users who were activated in time over those of the period whose days are over",
        ActivationPending = "activation_pending": "users of the period whose days to be activated are not over",
        Daily = "dau": "users who were active on the last local day that is over",
        Weekly = "wau": "users who were active on that day or the six before it",
        Monthly = "mau": "users who were active on that day or the 29 before it",
        AverageDaily = "average_dau": "DAU of the period's days over their number, by day",
        Stickiness = "stickiness": "DAU over WAU, by user",
        StickinessMonth = "stickiness_month": "DAU over MAU, by user",
        WeeklyRetention = "weekly_retention": "users who came back in the week after their first one over those who could, by user",
        MonthlyRetention = "monthly_retention": "the same of months, by user",
        FunnelActivation = "funnel_activation": "users who were activated over those who signed up in the period",
        FunnelPayment = "funnel_payment": "users who came to pay over those who were activated",
        Funnel = "funnel": "users who came to pay over those who signed up in the period",
        FunnelPending = "funnel_pending": "users of the period who have not paid and still have time",
    }
}

/// A number about what users do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProductMetric {
    /// Of daily counts of events.
    Events(EventMetric),
    /// Of a usage counter.
    Usage(UsageMetric),
    /// All events of a name.
    Event(String),
}

numbers! {
    /// A number about daily counts of events.
    EventMetric {
        EnrichmentsStarted = "enrichments_started": "enrichments that began, by day and application",
        Enrichments = "enrichments": "completed enrichments, by day and application",
        EnrichmentsFailed = "enrichments_failed": "failed enrichments, by day and application",
        EnrichmentSuccess = "enrichment_success": "completed over completed and failed enrichments, by day and application",
        Contacts = "contacts": "contacts that completed enrichments found, by day and application",
        ContactsPerEnrichment = "contacts_per_enrichment": "contacts over completed enrichments, by day and application",
        Exports = "exports": "completed exports, by day, format and application",
    }
}

numbers! {
    /// A usage counter.
    #[expect(clippy::doc_markdown, reason = "its name, in a text for people too")]
    UsageMetric {
        Enrichments = "usage_enrichments": "the counter enrichments, by user, day and application",
        Searches = "usage_searches": "the counter searches, by user, day and application",
        Exports = "usage_exports": "the counter exports, by user, day and application",
        Pitches = "usage_pitches_generated": "the counter pitches_generated, by user, day and application",
        Emails = "usage_emails_sent": "the counter emails_sent, by user, day and application",
        Campaigns = "usage_campaigns_created": "the counter campaigns_created, by user, day and application",
        Contacts = "usage_contacts_added": "the counter contacts_added, by user, day and application",
        Sessions = "usage_sessions": "the counter sessions, by user, day and application",
        SessionDuration = "usage_session_duration_ms": "the counter session_duration_ms, by user, day and application",
    }
}

/// How the number of all events of a name is asked for.
const EVENT: &str = "event:";

impl Metric {
    /// Every number but those of single events, in the order of the report.
    pub fn all() -> Vec<Self> {
        let mrr = MrrMetric::ALL.iter().map(|which| Self::Mrr(*which));
        let cash = CashMetric::ALL.iter().map(|which| Self::Cash(*which));
        let users = UserMetric::ALL.iter().map(|which| Self::Users(*which));
        let events = EventMetric::ALL.iter().map(|which| Self::Product(ProductMetric::Events(*which)));
        let usage = UsageMetric::ALL.iter().map(|which| Self::Product(ProductMetric::Usage(*which)));
        mrr.chain(cash).chain(users).chain(events).chain(usage).collect()
    }

    /// What it is, and what its rows are.
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::Mrr(which) => which.meaning(),
            Self::Cash(which) => which.meaning(),
            Self::Users(which) => which.meaning(),
            Self::Product(ProductMetric::Events(which)) => which.meaning(),
            Self::Product(ProductMetric::Usage(which)) => which.meaning(),
            Self::Product(ProductMetric::Event(_)) => "events of a name, by day and application",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mrr(which) => f.pad(which.name()),
            Self::Cash(which) => f.pad(which.name()),
            Self::Users(which) => f.pad(which.name()),
            Self::Product(ProductMetric::Events(which)) => f.pad(which.name()),
            Self::Product(ProductMetric::Usage(which)) => f.pad(which.name()),
            Self::Product(ProductMetric::Event(name)) => write!(f, "{EVENT}{name}"),
        }
    }
}

/// A text that names no number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownMetric {
    /// It is no name.
    #[error("there is no number {0:?}: `growthctl explain --list` names all of them")]
    Name(String),
    /// It is made of others, and no rows add up to it.
    #[error(
        "LTV is the quotient of two numbers, which no rows add up to: ask for `arpu` and for `monthly_churn`"
    )]
    LifetimeValue,
    /// It is no event's name.
    #[error("{0}")]
    Event(#[from] growth_domain::catalogue::EventNameError),
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    /// Reads a name; `-` stands for `_`, and letter case does not matter.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(name) = text.strip_prefix(EVENT) {
            let name = EventName::parse(name)?.as_str().to_owned();
            return Ok(Self::Product(ProductMetric::Event(name)));
        }
        let name = text.to_lowercase().replace('-', "_");
        let found = Self::all().into_iter().find(|metric| metric.to_string() == name);
        found.ok_or_else(|| match name.as_str() {
            "ltv" | "lifetime_value" => UnknownMetric::LifetimeValue,
            _ => UnknownMetric::Name(text.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_read_as_what_it_names() {
        let all = Metric::all();
        let names: BTreeSet<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), all.len());
        for metric in all {
            assert_eq!(metric.to_string().parse(), Ok(metric.clone()));
            assert!(!metric.meaning().is_empty());
        }
        assert_eq!("Committed-MRR".parse(), Ok(Metric::Mrr(MrrMetric::Committed)));
        let event = "event:page_load".parse::<Metric>().unwrap();
        assert_eq!(event.to_string(), "event:page_load");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let error = "profit".parse::<Metric>().unwrap_err().to_string();
        assert_eq!(error, "there is no number \"profit\": `growthctl explain --list` names all of them");
        assert_eq!("LTV".parse::<Metric>(), Err(UnknownMetric::LifetimeValue));
        assert!("event:Page Load".parse::<Metric>().is_err());
    }
}

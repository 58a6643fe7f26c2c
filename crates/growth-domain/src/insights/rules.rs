//! The table of rules.

mod activation;
mod data;
mod goal;
mod losses;
mod payments;
mod revenue;
mod usage;

use super::Rule;

/// Every rule. Of insights that are equally urgent and about as much MRR, the rule that stands first here does.
pub const RULES: &[Rule] = &[
    Rule { id: "failed_events", check: data::failed_events },
    Rule { id: "stale_webhooks", check: data::stale_webhooks },
    Rule { id: "revenue_trend", check: revenue::trend },
    Rule { id: "customer_churn", check: losses::customer_churn },
    Rule { id: "involuntary_churn", check: losses::involuntary_churn },
    Rule { id: "contraction", check: losses::contraction },
    Rule { id: "payment_recovery", check: payments::recovery },
    Rule { id: "at_risk", check: losses::at_risk },
    Rule { id: "ending_subscriptions", check: losses::ending_subscriptions },
    Rule { id: "concentration", check: revenue::concentration },
    Rule { id: "disputes_rising", check: payments::disputes_rising },
    Rule { id: "refunds_rising", check: payments::refunds_rising },
    Rule { id: "funnel_bottleneck", check: activation::funnel_bottleneck },
    Rule { id: "activation_falling", check: activation::falling },
    Rule { id: "activation_low", check: activation::low },
    Rule { id: "trial_conversion_falling", check: activation::trial_conversion_falling },
    Rule { id: "trial_conversion_low", check: activation::trial_conversion_low },
    Rule { id: "cohort_retention_falling", check: usage::cohort_retention_falling },
    Rule { id: "stickiness_falling", check: usage::stickiness_falling },
    Rule { id: "enrichment_success_falling", check: usage::enrichment_success_falling },
    Rule { id: "enrichments_trend", check: usage::enrichments_trend },
    Rule { id: "new_users_trend", check: usage::new_users_trend },
    Rule { id: "pending_events", check: data::pending_events },
    Rule { id: "unfinished_backfill", check: data::unfinished_backfill },
    Rule { id: "unpriced", check: data::unpriced },
    Rule { id: "counted_twice", check: data::counted_twice },
    Rule { id: "goal_progress", check: goal::progress },
    Rule { id: "discounts_ending", check: revenue::discounts_ending },
    Rule { id: "other_currency_trend", check: revenue::other_currency },
    Rule { id: "unattributed", check: data::unattributed },
    Rule { id: "reconstructed", check: data::reconstructed },
    Rule { id: "goal_milestone", check: goal::milestone },
];

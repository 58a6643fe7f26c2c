//! From when on something is worth telling.

use serde::{Deserialize, Serialize};

/// A threshold as it is documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Its name in the settings file.
    pub name: &'static str,
    /// What it is where nobody says otherwise.
    pub default: u32,
    /// The least and the most that it can be.
    pub allowed: (u32, u32),
}

/// A threshold that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is a whole number from {least} to {most}, not {told}")]
pub struct BadThreshold {
    /// Its name in the settings file.
    pub name: &'static str,
    /// The least that it can be.
    pub least: u32,
    /// The most that it can be.
    pub most: u32,
    /// What it was said to be.
    pub told: i64,
}

/// Defines the fields once for the struct, its defaults, its limits and its text form.
macro_rules! thresholds {
    ($($(#[$doc:meta])+ $name:ident: $default:literal, $least:literal to $most:literal;)+) => {
        /// From when on something is worth telling: whole numbers, each with a default.
        ///
        /// Reads from a table such as `[insights]` of a settings file, where unknown names and values out of
        /// their range are errors.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(try_from = "Told")]
        pub struct Thresholds {
            $($(#[$doc])+ pub $name: u32,)+
        }

        impl Thresholds {
            /// Every threshold, in the order of the document.
            pub const ALL: &'static [Threshold] = &[
                $(Threshold { name: stringify!($name), default: $default, allowed: ($least, $most) },)+
            ];
        }

        impl Default for Thresholds {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        /// What a settings file says, in range or not.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Told {
            $($name: Option<i64>,)+
        }

        impl TryFrom<Told> for Thresholds {
            type Error = BadThreshold;

            fn try_from(told: Told) -> Result<Self, BadThreshold> {
                let checked = |name, told: Option<i64>, default: u32, least: u32, most: u32| {
                    let told = told.unwrap_or(default.into());
                    let fits = u32::try_from(told).ok().filter(|value| (least..=most).contains(value));
                    fits.ok_or(BadThreshold { name, least, most, told })
                };
                Ok(Self {
                    $($name: checked(stringify!($name), told.$name, $default, $least, $most)?,)+
                })
            }
        }
    };
}

thresholds! {
    /// Nothing is said about fewer than so many: customers, users, payments, whatever a rule counts.
    min_count: 5, 1 to 1_000_000;
    /// MRR rose or fell by so many percent of what it was at the start of the period.
    trend_percent: 5, 1 to 1_000;
    /// A fall of MRR by so many percent is critical.
    trend_critical_percent: 20, 1 to 100;
    /// So many percent of the customers left, in 30 days.
    churn_percent: 5, 1 to 100;
    /// Customers who pay less took so many percent of MRR, in 30 days.
    contraction_percent: 3, 1 to 100;
    /// So many percent of the MRR that left did so because of payments.
    involuntary_percent: 30, 1 to 100;
    /// Less than so many percent of the failed invoices that are settled were paid later.
    recovery_percent: 50, 1 to 100;
    /// So many percent of MRR are past due.
    at_risk_percent: 5, 1 to 100;
    /// So many percent of MRR are of subscriptions whose end is set.
    ending_percent: 5, 1 to 100;
    /// One customer has more than so many percent of MRR.
    concentration_percent: 30, 1 to 100;
    /// Discounts that end within so many days after the period are told.
    discount_days: 30, 1 to 366;
    /// Refunds for each payment rose by so many percent.
    refund_rise_percent: 50, 1 to 10_000;
    /// So many of a thousand payments were disputed.
    disputes_per_thousand: 7, 1 to 1_000;
    /// Less than so many percent of the trials that ended became a paid plan.
    trial_percent: 25, 1 to 100;
    /// Trial conversion fell by so many percentage points.
    trial_fall_points: 10, 1 to 100;
    /// Less than so many percent of the new users were activated.
    activation_percent: 25, 1 to 100;
    /// Activation fell by so many percentage points.
    activation_fall_points: 10, 1 to 100;
    /// A stage of the funnel fell by so many percentage points.
    funnel_fall_points: 5, 1 to 100;
    /// Weekly over monthly active users fell by so many percentage points.
    stickiness_fall_points: 10, 1 to 100;
    /// Retention in the week after the first fell by so many percentage points.
    cohort_fall_points: 10, 1 to 100;
    /// New users became more or fewer by so many percent.
    users_change_percent: 25, 1 to 10_000;
    /// Enrichments became more or fewer by so many percent.
    enrichments_change_percent: 30, 1 to 10_000;
    /// The share of enrichments that succeed fell by so many percentage points.
    success_fall_points: 5, 1 to 100;
    /// No webhook arrived for so many hours.
    webhook_hours: 72, 1 to 8_784;
    /// An event has waited for so many hours to be in the figures.
    pending_hours: 1, 1 to 8_784;
    /// A backfill began so many hours ago and has not ended.
    backfill_hours: 6, 1 to 8_784;
    /// So many percent of the payments are of no known user.
    unattributed_percent: 10, 1 to 100;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Thresholds, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_table_means_the_defaults() {
        assert_eq!(read("{}"), Ok(Thresholds::default()));
        let changed = Thresholds { min_count: 20, churn_percent: 3, ..Thresholds::default() };
        assert_eq!(read(r#"{"min_count": 20, "churn_percent": 3}"#), Ok(changed));
    }

    #[test]
    fn a_bad_value_is_refused_with_its_name_and_what_is_allowed() {
        for (text, sentence) in [
            (r#"{"churn_percent": 0}"#, "churn_percent is a whole number from 1 to 100, not 0"),
            (r#"{"churn_percent": 101}"#, "churn_percent is a whole number from 1 to 100, not 101"),
            (r#"{"webhook_hours": -3}"#, "webhook_hours is a whole number from 1 to 8784, not -3"),
            (
                r#"{"discount_days": 99999999999}"#,
                "discount_days is a whole number from 1 to 366, not 99999999999",
            ),
        ] {
            assert_eq!(read(text), Err(sentence.to_owned()));
        }
        assert!(read(r#"{"churn": 5}"#).is_err_and(|error| error.contains("unknown field `churn`")));
        assert!(read(r#"{"churn_percent": 2.5}"#).is_err());
    }

    #[test]
    fn every_default_is_allowed() {
        for threshold in Thresholds::ALL {
            let (least, most) = threshold.allowed;
            assert!((least..=most).contains(&threshold.default), "{}", threshold.name);
            for allowed in [least, most] {
                assert!(
                    read(&format!("{{\"{}\": {allowed}}}", threshold.name)).is_ok(),
                    "{}",
                    threshold.name
                );
            }
        }
    }
}

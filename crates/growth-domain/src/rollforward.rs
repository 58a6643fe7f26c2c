//! A period's MRR from its opening to its closing, and what customers did in it.
//!
//! Identity, checked whenever a period is built:
//! `opening + new + reactivation + expansion - contraction - churn + fx = closing`.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::money::Micros;
use crate::movements::Kind;

/// One currency's MRR over a period. Losses are positive numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RollForward {
    /// At the start.
    pub opening: Micros,
    /// From customers who never paid before.
    pub new: Micros,
    /// From customers who came back.
    pub reactivation: Micros,
    /// From customers who pay more.
    pub expansion: Micros,
    /// Lost with customers who pay less.
    pub contraction: Micros,
    /// Lost with customers who left.
    pub churn: Micros,
    /// By exchange rates, for a headline in another currency.
    pub fx: Micros,
    /// At the end.
    pub closing: Micros,
}

/// A roll-forward that does not add up: a defect, never a state of the business.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the movements of the period do not add up: opening {} plus {} is not closing {} (micro-minor units)", .0.opening.0, .0.net_new().0 + .0.fx.0, .0.closing.0)]
pub struct Unbalanced(pub Box<RollForward>);

impl RollForward {
    /// Builds a period from its opening, its movements and its closing MRR, and checks the identity.
    pub fn build(
        opening: Micros,
        movements: impl IntoIterator<Item = (Kind, Micros)>,
        fx: Micros,
        closing: Micros,
    ) -> Result<Self, Unbalanced> {
        let mut period = Self { opening, fx, closing, ..Self::default() };
        for (kind, delta) in movements {
            match kind {
                Kind::New => period.new += delta,
                Kind::Reactivation => period.reactivation += delta,
                Kind::Expansion => period.expansion += delta,
                Kind::Contraction => period.contraction += -delta,
                Kind::Churn => period.churn += -delta,
            }
        }
        if period.opening + period.net_new() + period.fx == period.closing {
            Ok(period)
        } else {
            Err(Unbalanced(Box::new(period)))
        }
    }

    /// What customers did to MRR, all together.
    pub fn net_new(&self) -> Micros {
        self.new + self.reactivation + self.expansion - self.contraction - self.churn
    }

    /// MRR gained.
    pub fn gained(&self) -> Micros {
        self.new + self.reactivation + self.expansion
    }

    /// MRR lost.
    pub fn lost(&self) -> Micros {
        self.contraction + self.churn
    }
}

/// A ratio with what it is made of. Its value is undefined where the denominator is 0.
///
/// In JSON it is an object with `numerator`, `denominator` and `value` (or `null`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratio {
    /// Above the line.
    pub numerator: i128,
    /// Below the line.
    pub denominator: i128,
}

impl Ratio {
    /// `numerator / denominator`, or `None` where that is undefined.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio is shown with one decimal, money is not computed from it"
    )]
    pub fn value(self) -> Option<f64> {
        (self.denominator != 0).then(|| self.numerator as f64 / self.denominator as f64)
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Ratio", 3)?;
        fields.serialize_field("numerator", &self.numerator)?;
        fields.serialize_field("denominator", &self.denominator)?;
        fields.serialize_field("value", &self.value())?;
        fields.end()
    }
}

/// What became of the customers who paid at the start of a period (the cohort O of `docs/METRICS.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cohort {
    /// How many they were.
    pub customers: u64,
    /// How many of them pay nothing at the end.
    pub lost: u64,
    /// The MRR at the start of those who pay nothing at the end.
    pub lost_mrr: Micros,
    /// Their MRR at the start.
    pub opening: Micros,
    /// Their MRR at the end.
    pub closing: Micros,
    /// Their MRR at the end, no more than at the start for each.
    pub retained: Micros,
}

impl Cohort {
    /// Adds a customer by the MRR at the start and at the end of the period; one without any at the
    /// start is none of them.
    pub fn add(&mut self, opening: Micros, closing: Micros) {
        if opening > Micros::ZERO {
            self.customers += 1;
            if closing == Micros::ZERO {
                self.lost += 1;
                self.lost_mrr += opening;
            }
            self.opening += opening;
            self.closing += closing;
            self.retained += closing.min(opening);
        }
    }

    /// R3: those who left, of those who paid at the start.
    pub fn customer_churn(&self) -> Ratio {
        Ratio { numerator: self.lost.into(), denominator: self.customers.into() }
    }

    /// R4: what those who paid at the start pay at the end, over what they paid.
    pub fn net_revenue_retention(&self) -> Ratio {
        Ratio { numerator: self.closing.0, denominator: self.opening.0 }
    }

    /// R5: the same without expansion.
    pub fn gross_revenue_retention(&self) -> Ratio {
        Ratio { numerator: self.retained.0, denominator: self.opening.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn major(units: i64) -> Micros {
        Micros::from_minor(units * 100)
    }

    fn percent(ratio: Ratio) -> String {
        ratio.value().map_or("n/a".to_owned(), |value| format!("{:.2}", value * 100.0))
    }

    #[test]
    fn i1_stripes_published_roll_forward_adds_up() {
        let moves = [
            (Kind::New, major(100)),
            (Kind::Reactivation, major(50)),
            (Kind::Expansion, Micros::ZERO),
            (Kind::Contraction, major(-40)),
            (Kind::Churn, major(-60)),
        ];
        let period = RollForward::build(major(1000), moves, major(-5), major(1045)).unwrap();
        assert_eq!(period.net_new(), major(50));
        let wrong = RollForward::build(major(1000), moves, major(-5), major(1046)).unwrap_err();
        assert!(wrong.to_string().contains("do not add up"));
    }

    #[test]
    fn i4_a_change_of_rates_is_fx_and_no_movement() {
        // USD 100 at 0.79, then at 0.75.
        let (opening, closing) = (Micros::from_minor(7900), Micros::from_minor(7500));
        let period = RollForward::build(opening, [], closing - opening, closing).unwrap();
        assert_eq!((period.fx, period.net_new()), (Micros::from_minor(-400), Micros::ZERO));
    }

    fn cohort(customers: &[(i64, i64)]) -> Cohort {
        let mut cohort = Cohort::default();
        for (opening, closing) in customers {
            cohort.add(major(*opening), major(*closing));
        }
        cohort
    }

    #[test]
    fn r3_a_hundred_of_a_thousand_who_leave_are_ten_percent() {
        let customers = (0..1000).map(|n| (10, if n < 100 { 0 } else { 10 }));
        assert_eq!(percent(cohort(&customers.collect::<Vec<_>>()).customer_churn()), "10.00");
    }

    #[test]
    fn r4_r5_are_about_those_who_paid_at_the_start() {
        let cohort = cohort(&[(100, 150), (100, 60), (100, 0), (0, 200)]);
        assert_eq!(percent(cohort.customer_churn()), "33.33");
        assert_eq!(percent(cohort.net_revenue_retention()), "70.00");
        assert_eq!(percent(cohort.gross_revenue_retention()), "53.33");
    }

    #[test]
    fn a_customer_who_comes_and_goes_inside_the_period_is_not_retention() {
        let cohort = cohort(&[(100, 100), (0, 0)]);
        assert_eq!(percent(cohort.net_revenue_retention()), "100.00");
        assert_eq!(percent(cohort.gross_revenue_retention()), "100.00");
        assert_eq!(cohort.lost, 0);
    }

    #[test]
    fn a_ratio_of_nothing_is_undefined() {
        assert_eq!(percent(Cohort::default().customer_churn()), "n/a");
    }
}

//! What the database says of a window's money, before and after.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use growth_db::{Target, query};
use growth_domain::stamp::Scope;
use serde::Serialize;

use crate::error::Error;

growth_db::statements! {
    FIGURES = "SELECT 'gross_volume' AS figure, currency, COUNT(*) AS n, CAST(SUM(amount) AS BIGINT) AS amount
        FROM payments WHERE account = $1 AND livemode = $2 AND status = 'succeeded'
            AND COALESCE(paid_at, created_at) >= $3 GROUP BY currency
        UNION ALL SELECT 'fees' AS figure, fee_currency AS currency, COUNT(*) AS n, CAST(SUM(fee) AS BIGINT) AS amount
        FROM payments WHERE account = $1 AND livemode = $2 AND status = 'succeeded'
            AND COALESCE(paid_at, created_at) >= $3 AND fee IS NOT NULL AND fee_currency IS NOT NULL
            GROUP BY fee_currency
        UNION ALL SELECT 'refunds' AS figure, currency, COUNT(*) AS n, CAST(SUM(amount) AS BIGINT) AS amount
        FROM refunds WHERE account = $1 AND livemode = $2 AND counted AND created_at >= $3 GROUP BY currency
        UNION ALL SELECT 'disputes' AS figure, currency, COUNT(*) AS n,
            CAST(SUM(withdrawn - reinstated) AS BIGINT) AS amount
        FROM disputes WHERE account = $1 AND livemode = $2 AND created_at >= $3 GROUP BY currency";
}

/// A figure of a window, in the order in which people look at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Payments that succeeded.
    GrossVolume,
    /// Refunds that went back.
    Refunds,
    /// What disputes took, less what they gave back.
    Disputes,
    /// Fees, as far as they are known.
    Fees,
}

/// How many there are, and what they sum up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// Minor units.
    pub amount: i64,
}

/// The figures of a window by currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Figures(pub BTreeMap<Figure, BTreeMap<String, Sum>>);

impl Figure {
    const ALL: [(Self, &'static str); 4] = [
        (Self::GrossVolume, "gross_volume"),
        (Self::Refunds, "refunds"),
        (Self::Disputes, "disputes"),
        (Self::Fees, "fees"),
    ];
}

impl Figures {
    /// Reads those of the window that begins at `from`.
    pub(crate) async fn of(
        on: impl Into<Target<'_>>,
        scope: &Scope,
        from: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let query = query(on, FIGURES).bind(&scope.account).bind(scope.livemode).bind(from);
        let mut figures = Self::default();
        for (name, currency, n, amount) in query.fetch_all::<(String, String, i64, i64)>().await? {
            let sum = Sum { count: u64::try_from(n).unwrap_or_default(), amount };
            if let Some((figure, _)) = Figure::ALL.iter().find(|(_, known)| *known == name) {
                figures.0.entry(*figure).or_default().insert(currency, sum);
            }
        }
        Ok(figures)
    }

    /// Returns one of them; nothing is a count of 0.
    pub fn get(&self, figure: Figure, currency: &str) -> Sum {
        self.0.get(&figure).and_then(|sums| sums.get(currency)).copied().unwrap_or_default()
    }
}

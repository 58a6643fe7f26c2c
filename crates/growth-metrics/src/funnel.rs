//! From sign-up over activation to payment, in this order.
//!
//! A user signs up once. An activation event from before the sign-up (an imported user, a clock that was wrong) counts
//! at the sign-up, as it does for the rate of activation.

use chrono::{DateTime, TimeDelta, Utc};
use growth_db::{Db, query};
use growth_domain::funnel::{Event, Funnel as Way, Steps};
use growth_domain::rollforward::Ratio;
use growth_domain::stamp::Scope;
use growth_domain::window::Window;

use crate::error::Error;
use crate::request::Request;
use crate::snapshot::{Bottleneck, Funnel, FunnelStage, Periods, Stage};
use crate::users::Newcomer;

growth_db::statements! {
    JOURNEYS = "SELECT u.id, u.created_at, m.activated_at, paid.at AS paid_at
    FROM users u LEFT JOIN user_milestones m ON m.user_id = u.id
    LEFT JOIN (SELECT p.user_id, MIN(p.paid_at) AS at FROM payments p
        JOIN users payer ON payer.id = p.user_id JOIN user_milestones reached ON reached.user_id = p.user_id
        WHERE p.account = $3 AND p.livemode = $4 AND p.status = 'succeeded' AND p.paid_at >= $1
            AND p.paid_at >= payer.created_at AND p.paid_at >= reached.activated_at
            AND payer.created_at >= $1 AND payer.created_at < $2
        GROUP BY p.user_id) AS paid ON paid.user_id = u.id
    WHERE u.created_at >= $1 AND u.created_at < $2";
}

/// How far back a stage is compared with itself.
const TRAILING: TimeDelta = TimeDelta::weeks(8);

const STAGES: [Stage; 3] = [Stage::SignUp, Stage::Activation, Stage::Payment];

/// A user's way from the sign-up on.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(crate) struct Journey {
    pub(crate) id: i64,
    pub(crate) created_at: DateTime<Utc>,
    activated_at: Option<DateTime<Utc>>,
    paid_at: Option<DateTime<Utc>>,
}

impl Journey {
    pub(crate) fn newcomer(&self) -> Newcomer {
        Newcomer { created_at: self.created_at, activated_at: self.activated_at }
    }

    /// When the user came to each of the stages within so much time of the sign-up.
    pub(crate) fn reached(&self, within: TimeDelta) -> [Option<DateTime<Utc>>; 3] {
        let activated = self.activated_at.map(|at| at.max(self.created_at));
        let did = [Some(self.created_at), activated, self.paid_at];
        let events: Vec<Event> = did
            .into_iter()
            .enumerate()
            .filter_map(|(step, at)| Some(Event { at: at?, fills: Steps::only(step) }))
            .collect();
        let furthest = Way { steps: STAGES.len(), within }.furthest(&events, None);
        std::array::from_fn(|step| furthest.as_ref().and_then(|journey| journey.at(step)))
    }

    /// Tells whether the user did not pay and still had time to.
    pub(crate) fn is_pending(
        &self,
        paid: Option<DateTime<Utc>>,
        within: TimeDelta,
        end: DateTime<Utc>,
    ) -> bool {
        paid.is_none() && self.created_at + within > end
    }
}

/// How far a group of users came.
#[derive(Default)]
struct Group {
    reached: [u64; 3],
    seconds: [Vec<i64>; 3],
    pending: u64,
}

impl Group {
    fn add(&mut self, journey: &Journey, within: TimeDelta, end: DateTime<Utc>) {
        let reached = journey.reached(within);
        for (stage, at) in reached.iter().enumerate() {
            if let Some(at) = at {
                self.reached[stage] += 1;
                self.seconds[stage].push((*at - journey.created_at).num_seconds());
            }
        }
        self.pending += u64::from(journey.is_pending(reached[2], within, end));
    }

    fn rate(&self, stage: usize) -> Ratio {
        ratio(self.reached[stage], self.reached[stage.saturating_sub(1)])
    }

    fn median(&mut self, stage: usize) -> Option<i64> {
        let seconds = &mut self.seconds[stage];
        let middle = seconds.len().checked_sub(1)? / 2;
        Some(*seconds.select_nth_unstable(middle).1)
    }
}

fn ratio(numerator: u64, denominator: u64) -> Ratio {
    Ratio { numerator: numerator.into(), denominator: denominator.into() }
}

/// The users who signed up in a span of time.
pub(crate) fn journeys<'a>(
    db: &'a Db,
    scope: &'a Scope,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<impl futures_util::Stream<Item = Result<Journey, growth_db::SqlError>> + 'a, Error> {
    let query = query(db, JOURNEYS).bind(from).bind(until).bind(&scope.account).bind(scope.livemode);
    Ok(query.fetch::<Journey>()?)
}

/// How far those came who signed up in each window, and for the bottleneck, those whose days ended in the window and
/// in the eight weeks before it.
pub(crate) struct Groups {
    within: TimeDelta,
    end: DateTime<Utc>,
    each: [(Window, Group); 4],
}

impl Groups {
    pub(crate) fn new(request: &Request) -> Self {
        let within = TimeDelta::days(request.funnel_days.into());
        let window = request.window;
        let recent = Window { start: window.start - within, end: window.end - within };
        let trailing = Window { start: recent.start - TRAILING, end: recent.start };
        let each = [window, request.previous, recent, trailing].map(|entered| (entered, Group::default()));
        Self { within, end: window.end, each }
    }

    /// The earliest sign-up that counts.
    pub(crate) fn from(&self) -> DateTime<Utc> {
        self.each.iter().map(|(entered, _)| entered.start).min().unwrap_or(self.end)
    }

    pub(crate) fn add(&mut self, journey: &Journey) {
        for (entered, group) in &mut self.each {
            if entered.contains(journey.created_at) {
                group.add(journey, self.within, self.end);
            }
        }
    }
}

/// The figures of both windows.
pub(crate) fn figures(request: &Request, groups: Groups) -> Funnel {
    let [(_, mut now), (_, mut before), (_, recent), (_, trailing)] = groups.each;
    let stages: Vec<FunnelStage> = STAGES
        .into_iter()
        .enumerate()
        .map(|(index, stage)| FunnelStage {
            stage,
            reached: Periods { current: now.reached[index], previous: before.reached[index] },
            from_previous: Periods { current: now.rate(index), previous: before.rate(index) },
            overall: Periods {
                current: ratio(now.reached[index], now.reached[0]),
                previous: ratio(before.reached[index], before.reached[0]),
            },
            median_seconds: Periods { current: now.median(index), previous: before.median(index) },
            recent: recent.rate(index),
            trailing: trailing.rate(index),
        })
        .collect();
    Funnel {
        window_days: request.funnel_days,
        bottleneck: bottleneck(&stages),
        stages,
        pending: Periods { current: now.pending, previous: before.pending },
    }
}

/// The stage that lost most users against its own trailing rate, with enough of them in both.
fn bottleneck(stages: &[FunnelStage]) -> Option<Bottleneck> {
    let enough = |rate: Ratio| rate.denominator >= Bottleneck::FEWEST;
    let lost = |stage: &FunnelStage| {
        let (recent, trailing) = (stage.recent, stage.trailing);
        let expected = recent.denominator * trailing.numerator;
        let came = recent.numerator * trailing.denominator;
        let lost = u64::try_from((expected - came).checked_div(trailing.denominator)?).ok()?;
        (lost > 0).then_some(Bottleneck { stage: stage.stage, recent, trailing, lost })
    };
    let judged = stages.iter().skip(1).filter(|stage| enough(stage.recent) && enough(stage.trailing));
    // Of equal losses the earlier one: the later stages cannot be better than what comes to them.
    judged.filter_map(lost).rev().max_by_key(|bottleneck| bottleneck.lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(day)
    }

    #[test]
    fn stages_come_in_order_and_in_time() {
        let reached = |activated: Option<i64>, paid: Option<i64>| {
            let journey =
                Journey { id: 1, created_at: at(10), activated_at: activated.map(at), paid_at: paid.map(at) };
            journey.reached(TimeDelta::days(7)).map(|at| at.is_some())
        };
        assert_eq!(reached(None, Some(12)), [true, false, false]);
        assert_eq!(reached(Some(17), Some(17)), [true, true, true]);
        assert_eq!(reached(Some(12), Some(18)), [true, true, false]);
        assert_eq!(reached(Some(18), Some(18)), [true, false, false]);
        assert_eq!(reached(Some(9), Some(12)), [true, true, true]);
    }

    #[test]
    fn the_bottleneck_is_the_largest_loss_against_its_own_past_not_the_lowest_rate() {
        let stage = |stage, recent: (i128, i128), trailing: (i128, i128)| FunnelStage {
            stage,
            reached: Periods::default(),
            from_previous: Periods::default(),
            overall: Periods::default(),
            median_seconds: Periods::default(),
            recent: Ratio { numerator: recent.0, denominator: recent.1 },
            trailing: Ratio { numerator: trailing.0, denominator: trailing.1 },
        };
        let found = |activation: [(i128, i128); 2], payment: [(i128, i128); 2]| {
            let stages = [
                stage(Stage::SignUp, (100, 100), (400, 400)),
                stage(Stage::Activation, activation[0], activation[1]),
                stage(Stage::Payment, payment[0], payment[1]),
            ];
            bottleneck(&stages).map(|bottleneck| (bottleneck.stage, bottleneck.lost))
        };
        // Payment has the lowest rate, as ever; activation fell from 60 % to 40 %.
        let (fell, as_ever) = ([(40, 100), (240, 400)], [(4, 40), (24, 240)]);
        assert_eq!(found(fell, as_ever), Some((Stage::Activation, 20)));
        assert_eq!(found([(60, 100), (240, 400)], as_ever), None);
        // Too few to judge, now or before.
        assert_eq!(found([(5, 19), (240, 400)], as_ever), None);
        assert_eq!(found([(5, 100), (12, 19)], as_ever), None);
    }
}

//! The stories that the business's customers live, and how many live each.
//!
//! The cast is fixed rather than drawn, so that every seed ends near the same
//! MRR and nothing that can happen to a subscription is missing.

use super::{Offer, Plan};

/// What becomes of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Renews until the end.
    Stays,
    /// Stays and buys a contact pack.
    BuysPack,
    /// Is still in its trial at the end.
    IsInTrial,
    /// Changes to the yearly plan.
    TakesYearly,
    /// Changes to the monthly plan.
    TakesMonthly,
    /// Changes to so many seats.
    HasSeats(i64),
    /// Ends with one of its first three periods.
    Cancels,
    /// Ends in the middle of a period.
    Quits,
    /// Ends with its trial.
    LeavesInTrial,
    /// Cancels and subscribes again two or three months later.
    Returns,
    /// Is going to end with the period in which the business is seen.
    WillCancel,
    /// Fails to pay so many times and then pays.
    Recovers(i64),
    /// Fails to pay for good.
    GivesUp,
    /// Has failed to pay when the business is seen.
    FallsBehind,
    /// Pauses for a month and a half, or for good.
    Pauses {
        /// Whether it goes on.
        resumes: bool,
    },
    /// Ends with a refund.
    IsRefunded {
        /// Whether the refund fails later.
        fails: bool,
    },
    /// Stays and has a part of a payment refunded.
    IsRefundedInPart,
    /// Disputes the first payment, wins the money back from the business, and leaves.
    Disputes,
}

/// A story and its cast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Story {
    /// How many live it for certain.
    pub(super) times: i64,
    /// How many more may.
    pub(super) perhaps: i64,
    pub(super) plan: Plan,
    pub(super) seats: i64,
    pub(super) offer: Offer,
    pub(super) trial: bool,
    pub(super) turn: Turn,
    /// How many days before the end it begins: from, to.
    pub(super) age_days: (i64, i64),
}

/// The most common story, from which the others differ.
const STAYS: Story = Story {
    times: 1,
    perhaps: 0,
    plan: Plan::Monthly,
    seats: 1,
    offer: Offer::None,
    trial: false,
    turn: Turn::Stays,
    age_days: (5, 330),
};

/// Every story, those that need the most particular times first.
pub(super) const STORIES: [Story; 36] = [
    Story { turn: Turn::FallsBehind, ..STAYS },
    Story { times: 2, trial: true, turn: Turn::IsInTrial, age_days: (2, 10), ..STAYS },
    Story { turn: Turn::Disputes, age_days: (100, 250), ..STAYS },
    Story { turn: Turn::Returns, age_days: (200, 320), ..STAYS },
    Story { turn: Turn::TakesYearly, age_days: (120, 300), ..STAYS },
    Story { turn: Turn::HasSeats(2), age_days: (70, 150), ..STAYS },
    Story { turn: Turn::HasSeats(1), seats: 2, age_days: (90, 200), ..STAYS },
    Story { turn: Turn::TakesMonthly, plan: Plan::Yearly, age_days: (90, 200), ..STAYS },
    Story { turn: Turn::Recovers(1), age_days: (180, 335), ..STAYS },
    Story { turn: Turn::Recovers(3), age_days: (80, 180), ..STAYS },
    Story { turn: Turn::Pauses { resumes: true }, age_days: (120, 250), ..STAYS },
    Story { turn: Turn::Pauses { resumes: false }, age_days: (80, 250), ..STAYS },
    Story { turn: Turn::WillCancel, age_days: (70, 250), ..STAYS },
    Story { turn: Turn::IsRefundedInPart, age_days: (40, 300), ..STAYS },
    Story { turn: Turn::IsRefunded { fails: false }, age_days: (30, 120), ..STAYS },
    Story { turn: Turn::IsRefunded { fails: true }, age_days: (120, 300), ..STAYS },
    Story { times: 3, turn: Turn::GivesUp, age_days: (60, 330), ..STAYS },
    Story { times: 10, turn: Turn::Cancels, age_days: (35, 345), ..STAYS },
    Story { times: 2, turn: Turn::Cancels, offer: Offer::Launch, age_days: (40, 300), ..STAYS },
    Story { times: 2, turn: Turn::Cancels, offer: Offer::Spring, age_days: (40, 300), ..STAYS },
    Story { times: 4, turn: Turn::Quits, age_days: (25, 330), ..STAYS },
    Story { times: 4, trial: true, turn: Turn::LeavesInTrial, age_days: (20, 300), ..STAYS },
    Story { times: 2, perhaps: 1, age_days: (5, 60), ..STAYS },
    Story { turn: Turn::BuysPack, age_days: (30, 90), ..STAYS },
    Story { trial: true, age_days: (20, 50), ..STAYS },
    Story { times: 2, offer: Offer::Label, age_days: (5, 90), ..STAYS },
    Story { offer: Offer::Spring, age_days: (10, 60), ..STAYS },
    Story { offer: Offer::Spring, age_days: (120, 300), ..STAYS },
    Story { times: 2, plan: Plan::Yearly, age_days: (10, 200), ..STAYS },
    Story { plan: Plan::Yearly, turn: Turn::BuysPack, age_days: (60, 300), ..STAYS },
    Story { plan: Plan::Yearly, offer: Offer::Label, age_days: (20, 150), ..STAYS },
    Story { plan: Plan::Yearly, offer: Offer::Launch, age_days: (8, 60), ..STAYS },
    Story { times: 3, plan: Plan::MonthlyUsd, age_days: (10, 300), ..STAYS },
    Story { plan: Plan::YearlyUsd, age_days: (20, 300), ..STAYS },
    Story { plan: Plan::MonthlyUsd, turn: Turn::Cancels, age_days: (70, 300), ..STAYS },
    Story { plan: Plan::MonthlyUsd, turn: Turn::Quits, age_days: (90, 300), ..STAYS },
];

//! How fresh and complete the data is, and what to look into.

use growth_metrics::{Cash, GrowthSnapshot, Unpriced};

use crate::calendar::{Calendar, distance};
use crate::document::Block;
use crate::figures::count;
use crate::sections::names::name;
use crate::sections::table::{Side, Table};
use crate::sections::{LINES, is_empty, list, not_shown};

pub(super) fn blocks(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<Block> {
    let mut blocks: Vec<Block> = vec!["## Data quality".into()];
    if is_empty(snapshot) {
        blocks.push("n/a, neither a Stripe event nor a product event has been recorded yet.".into());
        return blocks;
    }
    let doubts = doubts(snapshot, calendar);
    if doubts.is_empty() {
        blocks.push("All is well.".into());
    } else {
        blocks.push("Worth a look:".into());
        blocks.push(list(&doubts).into());
    }
    blocks.push("Where the data stands:".into());
    blocks.push(list(&facts(snapshot, calendar)).into());
    if !snapshot.unpriced.is_empty() {
        blocks.push("### Subscriptions without a known price".into());
        blocks.push(unpriced(&snapshot.unpriced).into());
        blocks.extend(not_shown(snapshot.unpriced.len(), false).map(Block::from));
    }
    blocks
}

/// What makes figures incomplete or uncertain.
pub(crate) fn doubts(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<String> {
    let fresh = &snapshot.freshness;
    let mut doubts = Vec::new();
    if !snapshot.header.livemode {
        doubts.push("**TEST MODE**: only Stripe's test data is counted.".to_owned());
    }
    match fresh.last_stripe_event_at {
        None => doubts.push(
            "**No Stripe event** has been recorded: `growthctl replay FILE` takes in history.".to_owned(),
        ),
        Some(at) if at < snapshot.header.window.start => {
            doubts.push(
                "**No Stripe event** of this period has been recorded: does Stripe still send them?"
                    .to_owned(),
            );
        }
        Some(_) => {}
    }
    if fresh.backfill_unfinished_since.is_some() {
        doubts.push(
            "**A backfill is unfinished**: history is missing, and figures may be too low or too high. Run \
             `growthctl backfill` again until it is complete."
                .to_owned(),
        );
    }
    let mut doubt = |number: u64, one: &str, many: &str| {
        if number > 0 {
            doubts.push(format!("**{}** {}.", count(number), if number == 1 { one } else { many }));
        }
    };
    doubt(
        fresh.failed_events,
        "Stripe event could not be read; it is kept, but not in the figures",
        "Stripe events could not be read; they are kept, but not in the figures",
    );
    let waits = fresh.oldest_pending_received_at.map_or_else(String::new, |at| {
        let distance = distance(at, snapshot.header.as_of);
        format!("; the oldest arrived on {} ({distance} the end of the period)", calendar.moment(at))
    });
    doubt(
        fresh.pending_events,
        &format!("Stripe event is stored, but not in the figures yet{waits}"),
        &format!("Stripe events are stored, but not in the figures yet{waits}"),
    );
    doubt(
        snapshot.unpriced.len() as u64,
        "active subscription is not in MRR, since its price is not known",
        "active subscriptions are not in MRR, since their prices are not known",
    );
    doubt(
        fresh.reconstructed_movements,
        "movement of MRR in this period is reconstructed from later evidence; its time may be off",
        "movements of MRR in this period are reconstructed from later evidence; their times may be off",
    );
    doubt(
        fresh.possibly_counted_twice,
        "payment in this period is probably counted twice: Stripe told of it by its invoice and by its payment \
         intent, and no `invoice_payment.paid` event links the two",
        "payments in this period are probably counted twice: Stripe told of them by their invoices and by their \
         payment intents, and no `invoice_payment.paid` events link them",
    );
    let of_period =
        |of: fn(&Cash) -> u64| snapshot.revenue.iter().map(|revenue| of(&revenue.cash.current)).sum();
    doubt(
        of_period(|cash| cash.unattributed.count),
        "payment in this period belongs to no known user",
        "payments in this period belong to no known user",
    );
    doubt(
        of_period(|cash| cash.fees_unknown),
        "payment in this period has no known fee, so its currency has no net volume",
        "payments in this period have no known fee, so their currencies have no net volume",
    );
    doubt(
        of_period(|cash| cash.refunds_without_payment.count),
        "refund in this period is of a payment that is not known yet",
        "refunds in this period are of payments that are not known yet",
    );
    doubt(
        fresh.other_accounts,
        "other Stripe account has data that this report leaves out",
        "other Stripe accounts have data that this report leaves out",
    );
    doubts
}

/// What is so, and nothing to worry about.
pub(crate) fn facts(snapshot: &GrowthSnapshot, calendar: &Calendar) -> Vec<String> {
    let fresh = &snapshot.freshness;
    let last = |what: &str, at, none: &str| match at {
        Some(at) => {
            let distance = distance(at, snapshot.header.as_of);
            format!("Last {what}: {} ({distance} the end of the period).", calendar.moment(at))
        }
        None => format!("Last {what}: n/a, {none}."),
    };
    let mut facts = vec![
        last("Stripe event", fresh.last_stripe_event_at, "none has been recorded"),
        last("webhook received", fresh.last_webhook_received_at, "none has ever arrived"),
        last("product event", fresh.last_product_event_at, "none has been recorded"),
        format!(
            "Stripe events: {} applied, {} ignored (no figure needs them), {} pending, {} failed.",
            count(fresh.applied_events),
            count(fresh.ignored_events),
            count(fresh.pending_events),
            count(fresh.failed_events),
        ),
    ];
    // After a backfill this is so of most of them, and nothing is wrong with that.
    match fresh.reconstructed_subscriptions {
        0 => {}
        1 => facts.push(
            "1 active subscription is older than the events recorded of it: its history was worked out from what \
             Stripe tells of it."
                .to_owned(),
        ),
        many => facts.push(format!(
            "{} active subscriptions are older than the events recorded of them: their history was worked out from \
             what Stripe tells of them.",
            count(many)
        )),
    }
    facts
}

fn unpriced(subscriptions: &[Unpriced]) -> String {
    let columns = ["Subscription", "Customer", "Currency", "What is missing"];
    let mut table = Table::new(columns.map(|title| (title, Side::Left)));
    for subscription in subscriptions.iter().take(LINES) {
        table.row([
            name(&subscription.subscription),
            name(&subscription.customer),
            name(&subscription.currency.to_uppercase()),
            name(&subscription.reason),
        ]);
    }
    table.to_markdown()
}

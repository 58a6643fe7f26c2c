//! The client of Stripe's API by the settings.

use growth_stripe_client::{Client, Error, SecretKey};

use crate::failure::misuse;
use crate::settings::Settings;

/// What Stripe allows in live mode, and more than it allows in test mode.
const RATES: std::ops::RangeInclusive<i64> = 1..=100;

/// Makes the client, where there is a key.
pub(crate) fn client(settings: &Settings) -> anyhow::Result<Option<Client>> {
    let stripe = &settings.stripe;
    let Some(key) = &stripe.secret_key else { return Ok(None) };
    let key = key.read(|key| key.reveal().parse::<SecretKey>().map_err(|error| error.to_string()))?;
    let mut client = growth_stripe_client::Settings::new(key);
    client.api_base = match &stripe.api_base {
        Some(base) => Some(base.read(|base| Ok(base.clone()))?),
        None => None,
    };
    if let Some(rate) = &stripe.requests_per_second {
        client.requests_per_second = rate.read(|rate| {
            let known = RATES.contains(rate).then(|| u32::try_from(*rate).ok()).flatten();
            known.ok_or_else(|| format!("{rate} is no rate from {} to {}", RATES.start(), RATES.end()))
        })?;
    }
    Ok(Some(Client::new(client).map_err(|error| misuse(error.to_string()))?))
}

/// Makes the client of a command that cannot do without.
pub(crate) fn required_client(settings: &Settings) -> anyhow::Result<Client> {
    client(settings)?.ok_or_else(|| {
        misuse(
            "no Stripe key: set STRIPE_SECRET_KEY to a restricted key (rk_live_… or rk_test_…) with the permissions in \
             docs/BACKFILL.md, from https://dashboard.stripe.com/apikeys",
        )
    })
}

/// Checks a connected account; empty is the key's own.
pub(crate) fn account(text: &str) -> anyhow::Result<String> {
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if text.is_empty() || text.strip_prefix("acct_").is_some_and(is_id) {
        return Ok(text.to_owned());
    }
    // The text is not shown: it may be a key.
    Err(misuse("--account: this is no account: one is like acct_1A2b3C4d5E6f"))
}

/// Asks for something small, to know whether the address and the key are any good.
pub(crate) async fn reach(client: &Client, account: &str, settings: &Settings) -> anyhow::Result<()> {
    match client.page(&["events"], &[], account).await {
        // What else the key may read is seen later.
        Ok(_) | Err(Error::Forbidden { .. }) => Ok(()),
        Err(error) => Err(explained(error, settings)),
    }
}

/// Tells an error of the API as one of configuration where it is the key's or the address's.
pub(crate) fn explained(error: Error, settings: &Settings) -> anyhow::Error {
    let stripe = &settings.stripe;
    let told_by = match &error {
        Error::Unauthorized { .. } => stripe.secret_key.as_ref().map(|key| &key.by),
        Error::Unreadable { .. } => stripe.api_base.as_ref().map(|base| &base.by),
        _ => None,
    };
    match told_by {
        Some(by) => misuse(format!("{by}: {error}")),
        None if matches!(error, Error::Unavailable { .. }) => match &stripe.api_base {
            Some(base) => anyhow::anyhow!("{error} (the address is that of {})", base.by),
            None => error.into(),
        },
        None => error.into(),
    }
}

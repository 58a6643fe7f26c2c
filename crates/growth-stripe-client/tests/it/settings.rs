//! Settings that make a client, and those that do not.

use growth_stripe_client::{Client, Settings, SettingsError};

use crate::SECRET;

fn with_base(api_base: &str) -> Result<Client, SettingsError> {
    let settings = Settings::new(SECRET.parse().unwrap());
    Client::new(Settings { api_base: Some(api_base.to_owned()), ..settings })
}

#[test]
fn the_rate_is_below_what_stripe_allows() {
    assert_eq!(Settings::new("sk_test_abc".parse().unwrap()).requests_per_second, 20);
    assert_eq!(Settings::new("sk_live_abc".parse().unwrap()).requests_per_second, 80);
}

#[test]
fn an_address_is_one_of_http() {
    for address in ["http://127.0.0.1:8420", "https://stripe.example.com/api", " http://localhost/ "] {
        assert!(with_base(address).is_ok(), "{address}");
    }
    for (address, expected) in [
        ("", "is no URL"),
        ("stripe.example.com", "does not begin with http:// or https://"),
        ("ftp://example.com/", "does not begin with http:// or https://"),
        ("http://", "is no URL"),
        ("http://example.com/?a=b", "has a query"),
        ("http://me:pass@example.com/", "has a login, which is not sent"),
    ] {
        let error = with_base(address).unwrap_err();
        let SettingsError::ApiBase { problem, .. } = &error else { panic!("{address}: {error}") };
        assert_eq!(*problem, expected, "{address}");
        assert!(!error.to_string().contains("pass"), "{error}");
    }
}

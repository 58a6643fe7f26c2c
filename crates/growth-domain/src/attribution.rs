//! Who paid, as the application knows its users.
//!
//! A link says that a payment or customer belongs to a user. Of several links
//! the strongest kind wins, and within a kind the latest, never the last to
//! arrive. A link to a user who is not in the directory (yet) is passed over.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::stamp::Stamp;

/// The kinds of links, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A checkout session's `client_reference_id`.
    ClientReferenceId,
    /// `metadata.user_id` of a session, subscription, customer or intent.
    Metadata,
    /// The customer, whose user is known.
    Customer,
    /// The e-mail address, whatever the case of its ASCII letters.
    Email,
}

impl Method {
    /// The text in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientReferenceId => "client_reference_id",
            Self::Metadata => "metadata",
            Self::Customer => "customer",
            Self::Email => "email",
        }
    }
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its kind.
    pub method: Method,
    /// A user id of the application, or an e-mail address.
    pub value: String,
    /// When it was said.
    pub stamp: Stamp,
}

/// The users that the application has.
pub trait Directory {
    /// The user with this id in the application.
    fn by_external_id(&self, external_id: &str) -> Option<i64>;
    /// The user with this e-mail address in lower case; the one who signed up first where several have it.
    fn by_email(&self, email: &str) -> Option<i64>;
}

/// The user that the winning link names; `customer_user` is the user of the payment's customer.
pub fn attribute(
    links: &[Link],
    customer_user: Option<i64>,
    directory: &impl Directory,
) -> Option<(i64, Method)> {
    let mut ordered: Vec<&Link> = links.iter().collect();
    ordered.sort_by(|a, b| {
        (a.method, Reverse(&a.stamp), &a.value).cmp(&(b.method, Reverse(&b.stamp), &b.value))
    });
    let found = |by_customer: bool| {
        ordered.iter().filter(|link| (link.method > Method::Customer) == by_customer).find_map(|link| {
            let user = match link.method {
                Method::Email => directory.by_email(&link.value.to_ascii_lowercase()),
                _ => directory.by_external_id(&link.value),
            };
            Some((user?, link.method))
        })
    };
    found(false).or_else(|| Some((customer_user?, Method::Customer))).or_else(|| found(true))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    struct Two;
    impl Directory for Two {
        fn by_external_id(&self, external_id: &str) -> Option<i64> {
            match external_id {
                "u1" => Some(1),
                "u2" => Some(2),
                _ => None,
            }
        }
        fn by_email(&self, email: &str) -> Option<i64> {
            (email == "three@example.com").then_some(3)
        }
    }

    fn link(method: Method, value: &str, at: i64) -> Link {
        let stamp =
            Stamp { at: DateTime::from_timestamp(at, 0).unwrap(), rank: 0, event_id: format!("evt_{at}") };
        Link { method, value: value.to_owned(), stamp }
    }

    #[test]
    fn the_strongest_kind_wins_whatever_its_time() {
        let links = [link(Method::Metadata, "u2", 9), link(Method::ClientReferenceId, "u1", 1)];
        assert_eq!(attribute(&links, Some(7), &Two), Some((1, Method::ClientReferenceId)));
    }

    #[test]
    fn within_a_kind_the_latest_wins() {
        let links = [link(Method::Metadata, "u2", 9), link(Method::Metadata, "u1", 1)];
        assert_eq!(attribute(&links, None, &Two), Some((2, Method::Metadata)));
    }

    #[test]
    fn a_link_to_nobody_is_passed_over() {
        let links =
            [link(Method::ClientReferenceId, "cart-9", 9), link(Method::Email, "Three@Example.com", 1)];
        assert_eq!(attribute(&links, None, &Two), Some((3, Method::Email)));
        assert_eq!(attribute(&links, Some(7), &Two), Some((7, Method::Customer)));
        assert_eq!(attribute(&[], None, &Two), None);
    }
}

//! The account's customers.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::records::Customer;
use super::{Draft, World, after, objects, second};

impl World {
    /// Creates a customer and returns its id: `customer.created`.
    ///
    /// The user id goes into `metadata.user_id`.
    pub fn create_customer(&mut self, email: &str, user_id: Option<&str>, at: DateTime<Utc>) -> String {
        let at = second(at);
        let customer = Customer {
            id: self.ids.short("cus"),
            email: email.to_owned(),
            created: at,
            deleted: false,
            currency: None,
            user_id: user_id.map(str::to_owned),
            reference: None,
            subscription_user: None,
            touched: at,
        };
        let id = customer.id.clone();
        let object = objects::customer(&self.look(at), &customer);
        self.customers.insert(id.clone(), customer);
        self.emit(vec![Draft::new(at, "customer.created", object)]);
        id
    }

    /// Gives a customer another e-mail address and, where told, a user id: `customer.updated`.
    pub fn update_customer(
        &mut self,
        customer: &str,
        email: &str,
        user_id: Option<&str>,
        at: DateTime<Utc>,
    ) -> bool {
        let Some(record) = self.customers.get_mut(customer).filter(|record| !record.deleted) else {
            return false;
        };
        let at = after(record.touched, at);
        let previous = json!({ "email": record.email });
        email.clone_into(&mut record.email);
        if let Some(user) = user_id {
            record.user_id = Some(user.to_owned());
        }
        record.touched = at;
        let record = record.clone();
        let object = objects::customer(&self.look(at), &record);
        self.emit(vec![Draft::new(at, "customer.updated", object).with_previous(previous)]);
        true
    }

    /// Drafts what Stripe notes about a customer who subscribes for the first time.
    pub(super) fn first_subscription(
        &mut self,
        customer: &str,
        currency: &str,
        at: DateTime<Utc>,
    ) -> Option<Draft> {
        let record = self.customers.get_mut(customer).filter(|record| record.currency.is_none())?;
        record.currency = Some(currency.to_owned());
        record.touched = record.touched.max(at);
        let record = record.clone();
        let object = objects::customer(&self.look(at), &record);
        let draft = Draft::new(at, "customer.updated", object).with_previous(json!({ "currency": null }));
        Some(draft).filter(|_| self.beginnings)
    }

    /// Deletes a customer and ends its subscriptions: `customer.deleted`, `customer.subscription.deleted`.
    pub fn delete_customer(&mut self, customer: &str, at: DateTime<Utc>) -> bool {
        let Some(record) = self.customers.get_mut(customer).filter(|record| !record.deleted) else {
            return false;
        };
        let at = after(record.touched, at);
        record.deleted = true;
        record.touched = at;
        let record = record.clone();
        let object = objects::customer(&self.look(at), &record);
        let mut drafts = vec![Draft::new(at, "customer.deleted", object)];
        let theirs = self.subscriptions.values().filter(|own| own.customer == customer && !own.is_over());
        for subscription in theirs.map(|own| own.id.clone()).collect::<Vec<_>>() {
            drafts.extend(self.end(&subscription, "cancellation_requested", at));
        }
        self.emit(drafts);
        true
    }
}

//! What a browser writes to its console and asks for over the network.

use std::collections::BTreeMap;

use serde_json::Value;

use super::text;

/// What happened since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// What was written to the console, by scripts or by the browser itself.
    pub console: Vec<ConsoleMessage>,
    /// The address of each request, in order; those of redirects too, but not `data:`, which nobody is asked for.
    pub requests: Vec<String>,
    /// The requests that failed.
    pub failed: Vec<FailedRequest>,
}

/// A message of the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleMessage {
    /// `DEBUG`, `INFO`, `WARNING` or `SEVERE`.
    pub level: String,
    /// Who wrote it: `console-api`, `javascript`, `network`, `security`, …
    pub source: String,
    /// The address, the place in it, and the message.
    pub text: String,
}

/// A request that got no answer, or one of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRequest {
    /// What was asked for.
    pub url: String,
    /// Such as `net::ERR_CONNECTION_REFUSED`, or the status from 400 on.
    pub reason: String,
}

/// The addresses of the requests so far, by the browser's name for each.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<String, String>);

impl Known {
    /// Reads the entries of both logs.
    pub(super) fn read(&mut self, console: &Value, network: &Value) -> Observed {
        let mut observed = Observed::default();
        for entry in entries(console) {
            observed.console.push(ConsoleMessage {
                level: text(&entry["level"]),
                source: text(&entry["source"]),
                text: text(&entry["message"]),
            });
        }
        for entry in entries(network) {
            let entry: Value = entry["message"]
                .as_str()
                .map_or(Ok(Value::Null), serde_json::from_str)
                .expect("the entries of the driver's log are JSON");
            let (event, told) = (&entry["message"]["method"], &entry["message"]["params"]);
            self.add(event.as_str().unwrap_or_default(), told, &mut observed);
        }
        observed
    }

    fn add(&mut self, event: &str, told: &Value, observed: &mut Observed) {
        let id = text(&told["requestId"]);
        match event {
            "Network.requestWillBeSent" => {
                let url = text(&told["request"]["url"]);
                if !url.starts_with("data:") {
                    observed.requests.push(url.clone());
                }
                self.0.insert(id, url);
            }
            "Network.responseReceived" => {
                let status = told["response"]["status"].as_i64().unwrap_or(0);
                if status >= 400 {
                    let url = text(&told["response"]["url"]);
                    observed.failed.push(FailedRequest { url, reason: status.to_string() });
                }
            }
            // One that the page itself gave up has not failed.
            "Network.loadingFailed" if told["canceled"] != true => {
                let url = self.0.get(&id).cloned().unwrap_or_default();
                observed.failed.push(FailedRequest { url, reason: text(&told["errorText"]) });
            }
            _ => {}
        }
    }
}

fn entries(log: &Value) -> &[Value] {
    log.as_array().map_or(&[], Vec::as_slice)
}

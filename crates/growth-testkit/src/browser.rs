//! A browser for tests of pages: headless Chromium, through chromedriver.
//!
//! ```no_run
//! # async fn test() {
//! use growth_testkit::browser::Browser;
//!
//! let browser = Browser::open().await;
//! browser.goto("http://127.0.0.1:8080/").await;
//! browser.click("nav a").await;
//! assert_eq!(browser.wait_for("h1").await.text().await, "Payments");
//! assert_eq!(browser.axe().await, []);
//! # }
//! ```
//!
//! `cargo xtask test` finds or installs the programs and says where they are, by `GROWTHCTL_TEST_CHROMIUM`,
//! `GROWTHCTL_TEST_CHROMEDRIVER` and `GROWTHCTL_TEST_REPORT_READERS`. Each browser has a driver and a profile of its own;
//! all of it ends when the value is dropped. Everything here panics where the browser does not do as it is told.

mod driver;
mod observed;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Mutex;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::Url;

use self::driver::Driver;
use self::observed::Known;
use crate::tables::until;

pub use self::observed::{ConsoleMessage, FailedRequest, Observed};

const CHROMIUM: &str = "GROWTHCTL_TEST_CHROMIUM";
const CHROMEDRIVER: &str = "GROWTHCTL_TEST_CHROMEDRIVER";
const READERS: &str = "GROWTHCTL_TEST_REPORT_READERS";
/// Where the readers have axe.
const AXE: &str = "axe-core/axe.min.js";
/// How Chromium is started. The pages are our own, and where the tests run as root or in a container there is no sandbox.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--no-first-run",
];
/// How long a page may load and a script may run, in milliseconds, however busy the machine is.
const PATIENCE: u64 = 120_000;
/// The first size of the window, in CSS pixels.
const SIZE: (u32, u32) = (1280, 900);

/// A headless Chromium with one window.
#[derive(Debug)]
pub struct Browser {
    // The driver ends first, so that nothing waits for a browser that is gone.
    driver: Driver,
    client: Client,
    known: Mutex<Known>,
}

/// An element of a page. It is gone with the page.
#[derive(Debug)]
pub struct Element(fantoccini::elements::Element);

/// What a page is told of where it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// What `prefers-color-scheme` says.
    pub scheme: Scheme,
    /// Whether it is shown as on paper.
    pub print: bool,
    /// Whether `prefers-reduced-motion` says `reduce`.
    pub reduced_motion: bool,
}

/// A colour scheme that a reader prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    #[default]
    Light,
    /// Light on dark.
    Dark,
}

/// A cookie as the browser keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The host that it is sent to; with a dot before it for all hosts below as well.
    pub domain: String,
    /// The path that it is sent to.
    pub path: String,
    /// Whether it is sent by HTTPS alone.
    pub secure: bool,
    /// Whether scripts cannot read it.
    pub http_only: bool,
    /// `Strict`, `Lax` or `None`.
    pub same_site: Option<String>,
    /// When it ends, in Unix seconds; `None` where it ends with the browser.
    pub expires: Option<i64>,
}

/// A barrier that axe found in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Axe's name of the rule, such as `color-contrast`.
    pub id: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: String,
    /// What has to hold, in words.
    pub help: String,
    /// The selectors of the elements where it does not.
    pub targets: Vec<String>,
}

/// A command beyond those of the standard, to the session.
#[derive(Debug)]
struct Command {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, url::ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    /// Starts a driver and a browser with an empty page.
    ///
    /// # Panics
    ///
    /// Where `GROWTHCTL_TEST_CHROMIUM` or `GROWTHCTL_TEST_CHROMEDRIVER` is not set, and where they do not start.
    pub async fn open() -> Self {
        let driver = Driver::start(&installed(CHROMEDRIVER)).await;
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": installed(CHROMIUM), "args": FLAGS},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "timeouts": {"script": PATIENCE, "pageLoad": PATIENCE},
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object was written") };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(driver.url()).await;
        let browser = Self { driver, client: did("opening it", client), known: Mutex::default() };
        browser.resize(SIZE.0, SIZE.1).await;
        // Nothing that came before the first page is of it.
        browser.observed().await;
        browser
    }

    /// Opens a page, and waits until it is loaded.
    pub async fn goto(&self, url: &str) {
        did(url, self.client.goto(url).await);
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        did("reload", self.client.refresh().await);
    }

    /// Goes back to the page before.
    pub async fn back(&self) {
        did("back", self.client.back().await);
    }

    /// Returns the address of the page.
    pub async fn url(&self) -> String {
        did("the address", self.client.current_url().await).into()
    }

    /// Returns the title of the page.
    pub async fn title(&self) -> String {
        did("the title", self.client.title().await)
    }

    /// Returns the page as HTML, as it is now.
    pub async fn html(&self) -> String {
        did("the page", self.client.source().await)
    }

    /// Returns the first element of a selector, which has to be there.
    pub async fn find(&self, css: &str) -> Element {
        Element(did(css, self.client.find(Locator::Css(css)).await))
    }

    /// Returns every element of a selector.
    pub async fn find_all(&self, css: &str) -> Vec<Element> {
        did(css, self.client.find_all(Locator::Css(css)).await).into_iter().map(Element).collect()
    }

    /// Waits until there is an element of a selector, and returns it.
    ///
    /// For anything else that has to come, ask again with [`crate::until`].
    pub async fn wait_for(&self, css: &str) -> Element {
        until(css, async || self.find_all(css).await.into_iter().next()).await
    }

    /// Returns the text of an element, as it is shown.
    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await
    }

    /// Clicks on an element.
    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await;
    }

    /// Types into an element.
    pub async fn type_into(&self, css: &str, text: &str) {
        self.find(css).await.type_text(text).await;
    }

    /// Makes the page as large as it is said, in CSS pixels; also smaller than a window can be.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Tells pages where they are shown, from now on.
    pub async fn emulate(&self, media: Media) {
        let scheme = if media.scheme == Scheme::Dark { "dark" } else { "light" };
        let motion = if media.reduced_motion { "reduce" } else { "no-preference" };
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]);
        let shown = if media.print { "print" } else { "screen" };
        self.cdp("Emulation.setEmulatedMedia", json!({"media": shown, "features": features})).await;
    }

    /// Returns a picture of the whole page, also of what is below the window, as a PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        let size = self.cdp("Page.getLayoutMetrics", json!({})).await["cssContentSize"].take();
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let options = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.cdp("Page.captureScreenshot", options).await;
        did("a picture", BASE64_STANDARD.decode(text(&picture["data"])))
    }

    /// Returns a picture of what the window shows, as a PNG.
    pub async fn first_screen(&self) -> Vec<u8> {
        let picture = self.cdp("Page.captureScreenshot", json!({"format": "png"})).await;
        did("a picture", BASE64_STANDARD.decode(text(&picture["data"])))
    }

    /// Runs the body of a function in the page and gives back what it returns; `arguments` are its arguments.
    pub async fn execute(&self, script: &str, arguments: &[Value]) -> Value {
        did(script, self.client.execute(script, arguments.to_vec()).await)
    }

    /// Returns the cookies that are sent with the page.
    pub async fn cookies(&self) -> Vec<Cookie> {
        let kept = self.cdp("Network.getCookies", json!({})).await;
        let kept = kept["cookies"].as_array().map_or(&[][..], Vec::as_slice);
        kept.iter().map(Cookie::read).collect()
    }

    /// Forgets all cookies.
    pub async fn forget_cookies(&self) {
        self.cdp("Network.clearBrowserCookies", json!({})).await;
    }

    /// Returns what was written to the console and asked for over the network since it was last asked.
    pub async fn observed(&self) -> Observed {
        let console = self.log("browser").await;
        let network = self.log("performance").await;
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.read(&console, &network)
    }

    /// Looks for barriers in the page as it is shown now, by axe.
    ///
    /// # Panics
    ///
    /// Where `GROWTHCTL_TEST_REPORT_READERS` is not set or has no axe, and where axe fails.
    pub async fn axe(&self) -> Vec<Violation> {
        if self.execute("return typeof axe === 'undefined'", &[]).await == json!(true) {
            let file = installed(READERS).join(AXE);
            let axe = std::fs::read_to_string(&file);
            let axe = axe.unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
            self.execute(&axe, &[]).await;
        }
        let script = "const done = arguments[arguments.length - 1];
            axe.run(document, {resultTypes: ['violations']})
                .then(found => done(found.violations), error => done(String(error)));";
        let found = did("axe", self.client.execute_async(script, Vec::new()).await);
        let Value::Array(found) = found else { panic!("axe failed: {found}") };
        found.iter().map(Violation::read).collect()
    }

    /// Sends a command of Chrome's `DevTools` protocol to the page, and returns its result.
    pub async fn cdp(&self, method: &str, parameters: Value) -> Value {
        let body = json!({"cmd": method, "params": parameters});
        did(method, self.client.issue_cmd(Command { path: "goog/cdp/execute", body }).await)
    }

    /// Takes the entries out of one of the driver's logs.
    async fn log(&self, name: &str) -> Value {
        did(name, self.client.issue_cmd(Command { path: "se/log", body: json!({"type": name}) }).await)
    }

    /// Returns the process that everything of this browser is below.
    pub fn process(&self) -> u32 {
        self.driver.process()
    }
}

impl Element {
    /// Returns its text, as it is shown.
    pub async fn text(&self) -> String {
        did("the text", self.0.text().await)
    }

    /// Returns an attribute; `None` where it has none of that name.
    pub async fn attribute(&self, name: &str) -> Option<String> {
        did(name, self.0.attr(name).await)
    }

    /// Returns a property, such as the `value` that was typed in.
    pub async fn property(&self, name: &str) -> Option<String> {
        did(name, self.0.prop(name).await)
    }

    /// Returns a property of its style, as it is computed.
    pub async fn style(&self, name: &str) -> String {
        did(name, self.0.css_value(name).await)
    }

    /// Tells whether it is shown.
    pub async fn is_shown(&self) -> bool {
        did("whether it is shown", self.0.is_displayed().await)
    }

    /// Clicks on it.
    pub async fn click(&self) {
        did("a click", self.0.click().await);
    }

    /// Types into it; keys without a character are those of [WebDriver](https://www.w3.org/TR/webdriver2/#keyboard-actions), such as `\u{e007}` for Enter.
    pub async fn type_text(&self, text: &str) {
        did("typing", self.0.send_keys(text).await);
    }

    /// Empties it.
    pub async fn clear(&self) {
        did("emptying", self.0.clear().await);
    }
}

impl Cookie {
    fn read(kept: &Value) -> Self {
        let is_session = kept["session"] == json!(true);
        Self {
            name: text(&kept["name"]),
            value: text(&kept["value"]),
            domain: text(&kept["domain"]),
            path: text(&kept["path"]),
            secure: kept["secure"] == json!(true),
            http_only: kept["httpOnly"] == json!(true),
            same_site: kept["sameSite"].as_str().map(str::to_owned),
            expires: if is_session { None } else { seconds(&kept["expires"]) },
        }
    }
}

impl Violation {
    fn read(found: &Value) -> Self {
        let nodes = found["nodes"].as_array().map_or(&[][..], Vec::as_slice);
        let target = |node: &Value| {
            let parts = node["target"].as_array().map_or(&[][..], Vec::as_slice);
            // One selector for each frame on the way, and a list where it goes into a shadow.
            let parts =
                parts.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned));
            parts.collect::<Vec<_>>().join(" ")
        };
        Self {
            id: text(&found["id"]),
            impact: text(&found["impact"]),
            help: text(&found["help"]),
            targets: nodes.iter().map(target).collect(),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Whole seconds of a number that has parts of them.
fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.to_string().split('.').next()?.parse().ok())
}

/// Returns what came of a command, which has to do as it is told.
fn did<T>(what: &str, result: Result<T, impl Display>) -> T {
    result.unwrap_or_else(|error| {
        let what: String = what.chars().take(200).collect();
        panic!("the browser failed: {what}: {error}")
    })
}

/// Returns the path that a variable names.
fn installed(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).unwrap_or_else(|| {
        panic!("this needs a browser: run it with `cargo xtask test` ({variable} is not set)")
    });
    path.into()
}

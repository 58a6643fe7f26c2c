//! The browser of the tests, on small pages of a server of their own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;

use growth_testkit::browser::{
    Browser, ConsoleMessage, Cookie, FailedRequest, Media, Observed, Scheme, Violation,
};
use growth_testkit::{block_on, until};
use serde_json::{Value, json};

const PAGE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Small</title>
    <link rel=icon href=\"data:,\">
    <style>
      body { margin: 0; background: white } h1 { color: black; margin: 0 }
      @media (prefers-color-scheme: dark) { h1 { color: rgb(255, 255, 255) } }
      @media print { nav { display: none } }
      @media (max-width: 400px) { h1 { display: none } }
      #long { height: 3000px }
    </style>
    <main><h1>Small page</h1><nav><a href=\"/next\">Next</a></nav>
    <label>Name <input id=name></label><button onclick=\"greet()\">Greet</button><p id=greeting></p>
    <div id=long></div></main>
    <script>
      const greet = () => setTimeout(() => {
        const said = document.createElement('b');
        said.textContent = 'Hello ' + document.getElementById('name').value;
        document.getElementById('greeting').append(said);
      }, 50);
    </script>";

/// Serves the page at every path but `/missing`, with two cookies.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(first)) = lines.next() else { continue };
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let is_missing = first.contains(" /missing ");
            let (status, page) = if is_missing { ("404 Not Found", "") } else { ("200 OK", PAGE) };
            let head = format!(
                "Content-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
                 Set-Cookie: session=secret; Path=/; HttpOnly; SameSite=Strict\r\n\
                 Set-Cookie: theme=dark; Path=/; Max-Age=3600",
                page.len()
            );
            // A browser that is gone does not listen any more.
            let _ = write!(stream, "HTTP/1.1 {status}\r\n{head}\r\n\r\n{page}");
        }
    });
    address
}

/// Opens the page.
async fn opened() -> (Browser, String) {
    let address = serve();
    let browser = Browser::open().await;
    browser.goto(&format!("{address}/")).await;
    (browser, address)
}

/// The width and the height that a PNG says it has.
fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn a_page_is_read_clicked_and_typed_into() {
    block_on(async {
        let (browser, address) = opened().await;
        assert_eq!(
            (browser.title().await.as_str(), browser.text("h1").await.as_str()),
            ("Small", "Small page")
        );
        let name = browser.find("#name").await;
        name.type_text("nobody").await;
        name.clear().await;
        browser.type_into("#name", "Ada").await;
        assert_eq!(name.property("value").await.as_deref(), Some("Ada"));
        browser.click("button").await;
        assert_eq!(browser.wait_for("#greeting b").await.text().await, "Hello Ada");
        let greeting = until("a greeting", async || {
            Some(browser.text("#greeting").await).filter(|greeting| !greeting.is_empty())
        });
        assert_eq!(greeting.await, "Hello Ada");
        assert!(browser.html().await.contains("<b>Hello Ada</b>"));

        let link = browser.find("nav a").await;
        assert_eq!(link.attribute("href").await.as_deref(), Some("/next"));
        link.click().await;
        until("the next page", async || (browser.url().await == format!("{address}/next")).then_some(()))
            .await;
        browser.reload().await;
        browser.back().await;
        assert_eq!(browser.url().await, format!("{address}/"));
        assert_eq!(browser.find_all("table").await.len(), 0);
        let sum =
            browser.execute("return arguments[0] + arguments[1].of", &[json!(1), json!({"of": 2})]).await;
        assert_eq!(sum, json!(3));
    });
}

#[test]
fn a_page_is_narrow_dark_and_printed() {
    block_on(async {
        let (browser, _) = opened().await;
        let width = "return window.innerWidth";
        assert_eq!(browser.execute(width, &[]).await, json!(1280));
        let heading = browser.find("h1").await;
        assert!(heading.is_shown().await);
        browser.resize(320, 640).await;
        assert_eq!(browser.execute(width, &[]).await, json!(320));
        assert!(!heading.is_shown().await);
        assert_eq!(size(&browser.screenshot().await).0, 320);
        browser.resize(1000, 640).await;
        let (width, height) = size(&browser.screenshot().await);
        assert!(width == 1000 && height > 3000, "{width} × {height}");

        assert_eq!(heading.style("color").await, "rgba(0, 0, 0, 1)");
        browser.emulate(Media { scheme: Scheme::Dark, ..Media::default() }).await;
        assert_eq!(heading.style("color").await, "rgba(255, 255, 255, 1)");
        let navigation = browser.find("nav").await;
        assert!(navigation.is_shown().await);
        browser.emulate(Media { print: true, ..Media::default() }).await;
        assert!(!navigation.is_shown().await);
        browser.emulate(Media { reduced_motion: true, ..Media::default() }).await;
        assert!(navigation.is_shown().await);
        let reduced = "return matchMedia('(prefers-reduced-motion: reduce)').matches";
        assert_eq!(browser.execute(reduced, &[]).await, json!(true));
    });
}

#[test]
fn cookies_have_their_flags() {
    block_on(async {
        let (browser, _) = opened().await;
        let mut cookies = browser.cookies().await;
        cookies.sort_by(|a, b| a.name.cmp(&b.name));
        let session = Cookie {
            name: "session".into(),
            value: "secret".into(),
            domain: "127.0.0.1".into(),
            path: "/".into(),
            secure: false,
            http_only: true,
            same_site: Some("Strict".into()),
            expires: None,
        };
        assert_eq!(cookies[0], session);
        assert_eq!((cookies[1].name.as_str(), cookies[1].http_only), ("theme", false));
        assert!(cookies[1].expires.is_some_and(|at| at > 1_700_000_000), "{:?}", cookies[1]);
        assert_eq!(cookies[1].same_site, None);
        browser.forget_cookies().await;
        assert_eq!(browser.cookies().await, []);
    });
}

#[test]
fn what_a_page_says_and_asks_for_is_observed_once() {
    block_on(async {
        let (browser, address) = opened().await;
        let observed = browser.observed().await;
        assert_eq!((observed.console, observed.failed), (vec![], vec![]));
        assert_eq!(observed.requests, [format!("{address}/")]);

        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let script = "console.log('one', 2); console.error('three');
            return Promise.allSettled([fetch('/missing'), fetch(arguments[0])]).then(() => null)";
        let nobody = format!("http://{nobody}/");
        assert_eq!(browser.execute(script, &[nobody.as_str().into()]).await, Value::Null);
        let mut observed = browser.observed().await;
        let missing = format!("{address}/missing");
        assert_eq!(observed.requests, [missing.as_str(), nobody.as_str()]);
        observed.failed.sort_by(|a, b| a.reason.cmp(&b.reason));
        let failed = |url: &str, reason: &str| FailedRequest { url: url.into(), reason: reason.into() };
        assert_eq!(
            observed.failed,
            [failed(&missing, "404"), failed(&nobody, "net::ERR_CONNECTION_REFUSED")]
        );
        let said = |level: &str, text: &str| {
            let is_it = |message: &&ConsoleMessage| {
                message.level == level && message.source == "console-api" && message.text.contains(text)
            };
            observed.console.iter().filter(is_it).count()
        };
        assert_eq!((said("INFO", "\"one\" 2"), said("SEVERE", "three")), (1, 1), "{:?}", observed.console);
        assert_eq!(browser.observed().await, Observed::default());
    });
}

#[test]
fn axe_finds_barriers() {
    block_on(async {
        let (browser, _) = opened().await;
        assert_eq!(browser.axe().await, []);
        browser
            .execute("document.querySelector('label').replaceWith(document.querySelector('#name'))", &[])
            .await;
        let found = browser.axe().await;
        let [Violation { id, impact, help, targets }] = &found[..] else { panic!("{found:?}") };
        assert_eq!((id.as_str(), impact.as_str()), ("label", "critical"));
        assert_eq!(
            (help.as_str(), &targets[..]),
            ("Form elements must have labels", &["#name".to_owned()][..])
        );
    });
}

#[test]
fn nothing_is_left_of_a_browser() {
    block_on(async {
        let (browser, _) = opened().await;
        let group = browser.process().to_string();
        let processes = || {
            let told = Command::new("ps").args(["-e", "-o", "pgid=,stat=,args="]).output().unwrap();
            let told = String::from_utf8(told.stdout).unwrap();
            let is_one = |line: &&str| {
                let mut words = line.split_whitespace();
                words.next() == Some(&group) && !words.next().is_some_and(|state| state.starts_with('Z'))
            };
            told.lines().filter(is_one).map(str::to_owned).collect::<Vec<_>>()
        };
        let running = processes();
        assert!(running.len() > 2, "{running:?}");
        let profile = running.iter().find_map(|line| line.split_once("--user-data-dir="));
        let profile = profile.unwrap().1.split(' ').next().unwrap().to_owned();
        assert!(std::fs::exists(&profile).unwrap());
        drop(browser);
        until("the end of the browser", async || processes().is_empty().then_some(())).await;
        assert!(!std::fs::exists(&profile).unwrap());
        let told = Command::new("ps").args(["-e", "-o", "args="]).output().unwrap();
        assert!(!String::from_utf8(told.stdout).unwrap().contains(&profile));
    });
}

//! What the page of figures shows, read out of the browser.

use serde_json::Value;

use super::Visit;

/// Reads the text of everything that is a figure, as it is shown.
const READ: &str = r##"
    const line = text => text.split(/\s+/u).filter(part => part).join(" ");
    const shown = (within, css) => {
        const found = within.querySelector(css);
        return found ? line(found.innerText) : null;
    };
    const card = of => ({
        value: shown(of, ".value"), change: shown(of, ".pill"), before: shown(of, ".change > span:not(.pill):last-child"),
        goal: shown(of, ".goal strong"),
    });
    const cards = within => {
        const all = {};
        for (const of of within.querySelectorAll(".card, .small")) {
            const name = of.querySelector(":scope > h3, :scope > h4");
            if (of.querySelector(":scope > .value")) all[line(name.innerText)] = card(of);
        }
        return all;
    };
    const rows = css => [...document.querySelectorAll(`${css} tbody tr`)]
        .map(row => [...row.cells].map(cell => line(cell.innerText)));
    const revenue = {};
    for (const section of document.querySelectorAll("section[aria-labelledby^='revenue-']")) {
        revenue[line(section.querySelector("h2").innerText)] = cards(section);
    }
    const retention = {};
    for (const panel of document.querySelectorAll(".retention")) {
        const id = `retention-${Object.keys(retention).length}`;
        panel.id = id;
        retention[line(panel.querySelector("h3").innerText)] = rows(`#${id}`);
    }
    return {
        dates: shown(document, "#figures strong"),
        revenue,
        product: cards(document.querySelector("section[aria-labelledby='users']")),
        funnel: [...document.querySelectorAll(".funnel li")]
            .map(stage => ["span", "strong", ".soft"].map(css => shown(stage, css))),
        payments: rows(".payments"),
        top_users: rows(".top-users"),
        retention,
        insights: [...document.querySelectorAll(".insights > li")]
            .map(insight => ["p", ".action"].map(css => shown(insight, css))),
    };
"##;

impl Visit {
    pub(super) async fn read(&self) -> Value {
        self.browser.execute(READ, &[]).await
    }

    /// The report of the same database, for the same period.
    pub(super) fn report(&self, days: u32) -> Value {
        let days = days.to_string();
        let ran = self.place.run(["report", "--as-of", super::AS_OF, "--days", &days, "--format", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    }
}

// Makes the pages better and does nothing that they need: theme, refresh in place, values under the pointer.
"use strict";
(() => {
  const page = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const EVERY = 60_000;

  // What is remembered may be forbidden by the browser's settings.
  const remembered = (name) => {
    try { return localStorage.getItem(`growthctl-${name}`); } catch { return null; }
  };
  const remember = (name, value) => {
    try {
      if (value === null) localStorage.removeItem(`growthctl-${name}`);
      else localStorage.setItem(`growthctl-${name}`, value);
    } catch { /* then it is forgotten */ }
  };

  // Theme: as the system's until somebody chooses. Set before anything is drawn.
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (page.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const chosen = remembered("theme");
  if (chosen === "dark" || chosen === "light") page.dataset.theme = chosen;

  const themes = (button) => {
    const show = () => {
      const name = isDark() ? "Light theme" : "Dark theme";
      button.querySelector(".unseen").textContent = name;
      button.title = name;
    };
    button.hidden = false;
    show();
    system.addEventListener("change", show);
    button.addEventListener("click", () => {
      const next = isDark() ? "light" : "dark";
      if ((next === "dark") === system.matches) {
        delete page.dataset.theme;
        remember("theme", null);
      } else {
        page.dataset.theme = next;
        remember("theme", next);
      }
      show();
    });
  };

  // Words for those who do not see what changed.
  const say = (words) => { byId("said").textContent = words; };

  // What has the focus and which details are open, to be found again in a new page.
  const path = (element) => {
    if (element.id) return `#${CSS.escape(element.id)}`;
    const parent = element.parentElement;
    if (!parent || parent === document.body) return element.localName;
    const place = [...parent.children].indexOf(element) + 1;
    return `${path(parent)} > :nth-child(${place})`;
  };
  const kept = () => ({
    focus: document.activeElement && document.activeElement !== document.body ? path(document.activeElement) : null,
    details: [...document.querySelectorAll("details")].map((one) => [path(one), one.open]),
    scroll: [...document.querySelectorAll(".table")].map((one) => [path(one), one.scrollLeft, one.scrollTop]),
  });
  const restore = ({ focus, details, scroll }) => {
    for (const [where, open] of details) {
      const one = document.querySelector(where);
      if (one?.localName === "details") one.open = open;
    }
    for (const [where, left, top] of scroll) {
      const one = document.querySelector(where);
      if (one?.matches(".table")) one.scrollTo(left, top);
    }
    if (focus) document.querySelector(focus)?.focus({ preventScroll: true });
  };

  const hasFigures = () => byId("figures") !== null;
  let shown = location.href;
  let wanted = location.href;
  let latest = "";
  let turn = 0;
  let asking = null;

  // Puts the parts of another page in place of this one's.
  const swap = (next) => {
    const state = kept();
    const [x, y] = [scrollX, scrollY];
    for (const id of ["heading", "mode", "periods"]) {
      const [here, there] = [byId(id), next.getElementById(id)];
      if (here && there) here.innerHTML = there.innerHTML;
    }
    const [refresh, to] = [byId("refresh"), next.getElementById("refresh")];
    if (refresh && to) refresh.setAttribute("href", to.getAttribute("href"));
    byId("main").replaceChildren(...next.getElementById("main").childNodes);
    document.title = next.title;
    probes();
    restore(state);
    scrollTo({ left: x, top: y, behavior: "instant" });
  };

  // Shows at once which period was chosen.
  const mark = () => {
    const links = [...document.querySelectorAll("#periods a")];
    if (!links.some((link) => link.href === location.href)) return;
    for (const link of links) {
      if (link.href === location.href) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };

  // A refresh that failed leaves the old figures and tells since when they are.
  const tell = (sentence) => {
    byId("trouble")?.remove();
    const time = byId("figures")?.dataset.time;
    const banner = document.createElement("div");
    banner.id = "trouble";
    banner.className = "trouble";
    banner.setAttribute("role", "alert");
    const words = document.createElement("p");
    const strong = document.createElement("strong");
    strong.textContent = time ? `These figures are of ${time}.` : "There are no new figures.";
    words.append(strong, ` ${sentence}`);
    const again = document.createElement("button");
    again.className = "button";
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", () => load(wanted, { anew: true, aloud: true }));
    banner.append(words, again);
    byId("main").prepend(banner);
  };

  // Asks for a page and shows it here. Resolves to whether it is shown.
  const load = async (address, { anew = false, aloud = false } = {}) => {
    const mine = ++turn;
    wanted = new URL(address, location.href).href;
    asking?.abort();
    asking = new AbortController();
    page.classList.add("asking");
    byId("main").setAttribute("aria-busy", "true");
    byId("refresh")?.setAttribute("aria-disabled", "true");
    try {
      const answer = await fetch(address, {
        headers: { "growthctl-waits": "1" },
        cache: anew ? "reload" : "no-cache",
        credentials: "same-origin",
        signal: asking.signal,
      });
      const text = await answer.text();
      if (mine !== turn) return false;
      if (new URL(answer.url).pathname !== new URL(address, location.href).pathname || answer.status === 401) {
        location.assign(answer.redirected ? answer.url : address);
        return false;
      }
      const next = new DOMParser().parseFromString(text, "text/html");
      if (!next.getElementById("refresh")) {
        // It is another page, perhaps the one to sign in.
        location.assign(address);
        return false;
      }
      const problem = next.querySelector("[data-problem]");
      if (problem && hasFigures() && wanted === shown) {
        tell(problem.textContent);
        return false;
      }
      byId("trouble")?.remove();
      shown = wanted;
      if (text !== latest) swap(next);
      latest = text;
      const time = byId("figures")?.dataset.time;
      if (problem) say(problem.textContent);
      else if (time && aloud) say(`Updated ${time}`);
      return true;
    } catch (error) {
      if (mine === turn && error.name !== "AbortError") {
        const sentence = "The server cannot be reached. It is asked again when you say so.";
        if (hasFigures()) tell(sentence);
        else if (byId("main").querySelector("[data-waits]")) location.reload();
      }
      return false;
    } finally {
      if (mine === turn) {
        page.classList.remove("asking");
        byId("main").removeAttribute("aria-busy");
        byId("refresh")?.removeAttribute("aria-disabled");
      }
    }
  };

  // Values of a chart's points, under the pointer and by arrow keys. They are those of its own table.
  const LEFT = 0.08;
  const probe = (figure) => {
    const drawing = figure.querySelector(":scope > svg");
    const rows = [...figure.querySelectorAll("tbody tr")];
    if (!drawing || rows.length < 2 || figure.querySelector(".probe")) return;
    const names = [...figure.querySelectorAll("thead th")].slice(1).map((head) => head.textContent);
    const tones = [...figure.querySelectorAll(".legend li")].map((item) => item.className);
    const points = rows.map((row) => [...row.cells].map((cell) => cell.textContent));
    const area = document.createElement("div");
    area.className = "probe";
    area.tabIndex = 0;
    area.setAttribute("role", "slider");
    area.setAttribute("aria-label", `${figure.querySelector("figcaption strong").textContent}, point by point`);
    area.setAttribute("aria-valuemin", "1");
    area.setAttribute("aria-valuemax", String(points.length));
    const guide = document.createElement("div");
    guide.className = "guide";
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.setAttribute("aria-hidden", "true");
    area.append(guide, tip);
    let at = points.length - 1;
    const value = () => {
      const [name, ...values] = points[at];
      area.setAttribute("aria-valuenow", String(at + 1));
      area.setAttribute("aria-valuetext", `${name}: ${names.map((one, i) => `${one} ${values[i]}`).join(", ")}`);
    };
    const show = (point) => {
      at = Math.max(0, Math.min(points.length - 1, point));
      value();
      const [name, ...values] = points[at];
      const title = document.createElement("strong");
      title.textContent = name;
      const lines = names.map((one, i) => {
        const line = document.createElement("span");
        line.className = tones[i] ?? "tone-a";
        const amount = document.createElement("b");
        amount.textContent = values[i];
        line.append(one, amount);
        return line;
      });
      tip.replaceChildren(title, ...lines);
      area.classList.add("on");
      const share = LEFT + ((1 - LEFT) * (2 * at + 1)) / (2 * points.length);
      guide.style.left = `${share * 100}%`;
      const [width, room] = [tip.offsetWidth, area.clientWidth];
      const beside = share * room + 12;
      tip.style.left = `${Math.max(0, beside + width > room ? share * room - width - 12 : beside)}px`;
    };
    const hide = () => area.classList.remove("on");
    const under = (event) => {
      const box = area.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width - LEFT) / (1 - LEFT);
      show(Math.floor(share * points.length));
    };
    area.addEventListener("pointermove", under);
    area.addEventListener("pointerdown", under);
    area.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch" && document.activeElement !== area) hide();
    });
    area.addEventListener("focus", () => { if (area.matches(":focus-visible")) show(at); });
    area.addEventListener("blur", hide);
    area.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
        Home: 0, End: points.length - 1 };
      if (event.key === "Escape") hide();
      else if (event.key in steps) {
        event.preventDefault();
        show(steps[event.key]);
      }
    });
    value();
    const frame = document.createElement("div");
    frame.className = "plot";
    drawing.replaceWith(frame);
    frame.append(drawing, area);
  };
  const probes = () => document.querySelectorAll("figure.chart").forEach(probe);

  const begin = () => {
    const theme = byId("theme");
    if (theme) themes(theme);
    probes();
    const refresh = byId("refresh");
    if (!refresh) return;

    const isPlain = (event) =>
      event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    document.addEventListener("click", async (event) => {
      const link = event.target.closest("a");
      if (!link || !isPlain(event)) return;
      if (link === refresh || link.matches("[data-again]")) {
        event.preventDefault();
        await load(wanted, { anew: true, aloud: true });
      } else if (link.closest("#periods, #mode")) {
        event.preventDefault();
        const address = link.href;
        if (address !== location.href) history.pushState(null, "", address);
        mark();
        await load(address, { aloud: true });
      }
    });
    addEventListener("popstate", () => {
      mark();
      load(location.href, { aloud: true });
    });

    const auto = byId("auto");
    auto.closest("label").hidden = false;
    auto.checked = remembered("auto") === "on";
    let last = Date.now();
    const tick = () => {
      const isBusy = document.hidden || page.matches(".asking") || !getSelection().isCollapsed;
      if (!auto.checked || isBusy || Date.now() - last < EVERY) return;
      last = Date.now();
      load(shown);
    };
    setInterval(tick, 1_000);
    document.addEventListener("visibilitychange", tick);
    auto.addEventListener("change", () => {
      remember("auto", auto.checked ? "on" : null);
      last = Date.now();
    });

    // A browser may keep the page as it was and show it to whoever goes back. Who signs out leaves none, and else the
    // server is asked whether it may still be seen.
    document.querySelector("form[action$='/sign-out']")?.addEventListener("submit", () => {
      turn += 1;
      asking?.abort();
      byId("main").replaceChildren();
    });
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

    if (document.querySelector("[data-waits]")) load(location.href, { aloud: true });
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();

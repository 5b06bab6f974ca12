// Everything here is a comfort: the page works without it. No framework, no third party.
"use strict";
(() => {
  const main = document.getElementById("main");
  const said = document.getElementById("said");
  const live = main.dataset.live;

  const ready = () => {
    for (const button of document.querySelectorAll("button.copy")) {
      button.hidden = false;
      button.onclick = async () => {
        const text = ((place) => ("value" in place ? place.value : place.textContent))(document.getElementById(button.dataset.copy));
        try {
          await navigator.clipboard.writeText(text);
          said.textContent = button.dataset.copied;
          const before = button.textContent;
          button.textContent = button.dataset.copied;
          setTimeout(() => { button.textContent = before; }, 2000);
        } catch {
          if (button.nextElementSibling) button.nextElementSibling.open = true; // copying is not allowed here: show it to be marked by hand
        }
      };
    }
  };
  ready();

  // one key, one action: "data-key" names the element that e and a open or press
  const keys = document.getElementById("keys");
  const steps = () => [...main.querySelectorAll(".card .title, .timeline .mail")];
  const step = (by) => {
    const all = steps();
    const at = all.findIndex((one) => one.contains(document.activeElement));
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
    if (!next) return;
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  const press = (key) => {
    const found = document.querySelector(`[data-key="${key}"]`);
    if (!found) return;
    const hidden = found.closest("details:not([open])");
    if (hidden) hidden.open = true;
    found.scrollIntoView({ block: "nearest" });
    found.focus();
    if (found.dataset.press === "now") found.click();
  };
  const actions = {
    "/": () => document.getElementById("q")?.focus(),
    "?": () => keys.showModal(),
    j: () => step(1),
    k: () => step(-1),
    e: () => press("e"),
    a: () => press("a"),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || keys.open) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || !Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  });

  if (!live || !window.EventSource) return;

  // somebody who writes or chooses is not interrupted: the page follows once they are done
  const busy = () => {
    const at = document.activeElement;
    return at && main.contains(at) && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName);
  };
  const opened = () => new Set([...main.querySelectorAll("details")].flatMap((d, i) => (d.open ? [i] : [])));

  let wanted = false, running = false;
  const refresh = async () => {
    wanted = true;
    if (running) return;
    running = true;
    while (wanted && !busy()) {
      wanted = false;
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "follow" });
        if (!answer.ok) break;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("main");
        if (!fresh || fresh.innerHTML === main.innerHTML) continue;
        const open = opened(), at = document.activeElement && main.contains(document.activeElement)
          ? document.activeElement.getAttribute("href") || document.activeElement.id : null;
        main.replaceChildren(...fresh.childNodes);
        main.querySelectorAll("details").forEach((d, i) => { if (open.has(i)) d.open = true; });
        if (at) [...main.querySelectorAll("a[href], [id]")].find((e) => e.getAttribute("href") === at || e.id === at)?.focus({ preventScroll: true });
        ready();
        document.title = page.title;
        said.textContent = main.dataset.changed;
      } catch { /* the next event tries again */ }
      await new Promise((go) => setTimeout(go, 250));
    }
    running = false;
  };
  main.addEventListener("focusout", () => setTimeout(() => { if (wanted) refresh(); }, 50));

  const source = new EventSource("/api/events?named=false");
  const heard = (event) => {
    let what = {};
    try { what = JSON.parse(event.data); } catch { return; }
    if (live === "all" || what.case === live) refresh();
  };
  source.onmessage = heard;
  let lost = false;
  source.onerror = () => { lost = true; };
  source.onopen = () => { if (lost) refresh(); lost = false; };
  addEventListener("pagehide", () => source.close());
  setInterval(refresh, 60000); // ages grow without any mail
})();

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
    const at = all.findIndex((one) => (one.closest(".card") || one).contains(document.activeElement));
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
    if (!next) return;
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  const edit = (details) => {
    details.open = true;
    details.querySelector("select, input:not([type=hidden])")?.focus();
  };
  const press = (key) => {
    const found = document.querySelector(`[data-key="${key}"]`);
    if (!found) return;
    const hidden = found.closest("details:not([open])");
    found.scrollIntoView({ block: "nearest" });
    if (hidden) edit(hidden);
    else found.focus();
    if (found.dataset.press === "now") found.click();
  };
  const choose = () => {
    const box = document.activeElement?.closest(".card")?.querySelector(".pick input");
    if (!box) return;
    box.click();
    document.activeElement.scrollIntoView({ block: "nearest" }); // above the bar, which may just have appeared
  };
  const actions = {
    "/": () => document.getElementById("q")?.focus(),
    "?": () => keys.showModal(),
    j: () => step(1),
    k: () => step(-1),
    x: choose,
    e: () => press("e"),
    a: () => press("a"),
  };
  // who dictates, or uses single keys for something else, switches them off (WCAG 2.1.4); this browser remembers it
  const kept = {
    get: () => { try { return localStorage.getItem("sodan.keys"); } catch { return null; } },
    set: (value) => { try { localStorage.setItem("sodan.keys", value); } catch { /* not remembered here */ } },
  };
  const on = document.getElementById("keys-on"), show = document.getElementById("show-keys");
  on.checked = kept.get() !== "off";
  on.onchange = () => kept.set(on.checked ? "on" : "off");
  show.hidden = false;
  show.onclick = () => keys.showModal();
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !keys.open) {
      const open = document.activeElement?.closest(".edit[open]");
      if (open) { open.querySelector("form").reset(); open.open = false; open.querySelector("summary").focus(); }
    }
    if (!on.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || keys.open) return;
    const box = event.target.type === "checkbox" || event.target.type === "radio";
    if ((!box && /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) || !Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  });

  // a value that is changed where it stands: its field has the focus at once; Escape closes it, and a click elsewhere
  // too if nothing was written yet
  const changed = (field) => (field.tagName === "SELECT"
    ? field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected))
    : !/^(checkbox|radio|hidden)$/.test(field.type) && field.value !== field.defaultValue);
  document.addEventListener("click", (event) => {
    const closed = event.target.closest("summary")?.closest(".edit:not([open])");
    if (!closed) return;
    event.preventDefault(); // the browser would open it later, and what is typed until then would be lost
    edit(closed);
  });
  document.addEventListener("pointerdown", (event) => {
    for (const open of document.querySelectorAll(".edit[open]")) {
      if (!open.contains(event.target) && ![...open.querySelector("form").elements].some(changed)) open.open = false;
    }
  });

  // the bar for selected cases says how many there are
  const count = () => {
    const words = document.getElementById("picked"), n = main.querySelectorAll(".pick input:checked").length;
    if (!words) return;
    words.textContent = words.dataset.text.replace("{n}", n);
    said.textContent = words.textContent;
  };
  main.addEventListener("change", (event) => { if (event.target.closest(".pick")) count(); });
  main.addEventListener("reset", () => setTimeout(count));
  if (main.querySelector(".pick input:checked")) count(); // the browser came back to this page

  if (!live || !window.EventSource) return;

  // somebody who writes or chooses is not interrupted, and what is written is not lost: the page follows once they are done
  const busy = () => {
    const at = document.activeElement;
    return (at && main.contains(at) && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName) && !at.closest(".pick"))
      || [...main.querySelectorAll("input, select, textarea")].some(changed);
  };
  const place = (at) => at.getAttribute("href") || at.id || (at.tagName === "SUMMARY" && at.parentNode.id ? `${at.parentNode.id} summary` : null);
  const opened = () => new Set([...main.querySelectorAll("details")].flatMap((d, i) => (d.open ? [d.id || i] : [])));
  const ticked = () => new Map([...main.querySelectorAll("input[type=checkbox][id]")].filter((b) => b.checked !== b.defaultChecked).map((b) => [b.id, b.checked]));

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
        const open = opened(), ticks = ticked(), at = document.activeElement && main.contains(document.activeElement)
          ? place(document.activeElement) : null;
        main.replaceChildren(...fresh.childNodes);
        main.querySelectorAll("details").forEach((d, i) => { if (open.has(d.id || i)) d.open = true; });
        ticks.forEach((checked, id) => { const box = document.getElementById(id); if (box) box.checked = checked; });
        if (ticks.size) count();
        if (at) [...main.querySelectorAll("a[href], [id], [id] > summary")].find((e) => place(e) === at)?.focus({ preventScroll: true });
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

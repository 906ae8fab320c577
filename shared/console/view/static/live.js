// The rows of the page Live: at most 200, painted as they come, four times a second. They stand while the pointer or the focus is
// in them, or the page is scrolled; what comes then is counted. A stream that breaks continues after its last cursor.
"use strict";
(() => {
  const rows = document.querySelector("[data-tail]"), state = document.querySelector("[data-tail-state]");
  if (!rows || !rows.dataset.tail) return;
  const most = 200, empty = document.querySelector("[data-tail-empty]");
  const held = () => rows.matches(":hover") || rows.contains(document.activeElement) || scrollY > 40;
  let source, cursor = "", waiting = [], newer = 0, rates = [];
  const count = (n) => n.toLocaleString("en-US");
  const say = () => {
    const now = Date.now();
    rates = rates.filter((r) => now - r.at < 2000);
    const seen = rates.reduce((n, r) => n + r.seen, 0) / 2, shown = rates.reduce((n, r) => n + r.shown, 0) / 2;
    const rate = shown < seen ? `showing ${count(Math.round(shown))} of ${count(Math.round(seen))} a second` : seen ? `${count(Math.ceil(seen))} a second` : "waiting for events";
    const text = newer ? `paused, ${count(newer)} newer` : rate;
    if (state.textContent !== text) state.textContent = text;
  };
  const paint = () => {
    if (waiting.length && !held()) {
      const made = document.createElement("template");
      made.innerHTML = waiting.join("");
      rows.prepend(made.content);
      while (rows.rows.length > most) rows.lastElementChild.remove();
      empty.hidden = true;
      waiting = [];
      newer = 0;
    }
    say();
  };
  const open = () => {
    if (source || document.hidden) return;
    const from = new URL(rows.dataset.tail, location.href);
    if (cursor) from.searchParams.set("cursor", cursor);
    source = new EventSource(from);
    source.addEventListener("rows", (e) => {
      if (e.lastEventId) cursor = e.lastEventId;
      const [seen, ...made] = e.data.split("\n");
      if (+seen) rates.push({ at: Date.now(), seen: +seen, shown: made.length });
      newer += +seen;
      waiting = [...made, ...waiting].slice(0, most);
    });
    source.addEventListener("failed", (e) => { close(); state.textContent = e.data });
    source.addEventListener("error", () => { if (source && source.readyState === EventSource.CLOSED) { source = null; setTimeout(open, 1000) } });
  };
  const close = () => { source?.close(); source = null };
  document.addEventListener("visibilitychange", () => document.hidden ? close() : open());
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  setInterval(() => { if (source) paint() }, 250);
  open();
})();

// What makes a page live: ticks, copying, the theme, keys. A page works without it.
"use strict";
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);

  // Theme: the browser's, or the one that was chosen.
  const theme = $("button.theme");
  if (theme) {
    theme.addEventListener("click", () => {
      const root = document.documentElement;
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme) } catch { /* it lasts for this page */ }
      document.dispatchEvent(new Event("passbook:theme"));
    });
  }

  // Copying: ids and commands say so for a second.
  document.addEventListener("click", async (e) => {
    const from = e.target.closest("[data-copy]");
    if (!from || e.target.closest("a[href]")) return;
    try {
      await navigator.clipboard.writeText(from.dataset.copy);
      from.classList.add("copied");
      setTimeout(() => from.classList.remove("copied"), 1000);
    } catch { /* the text is on the page */ }
  });

  // Times: the local time and the age where one points.
  const told = (t) => {
    const at = new Date(t.dateTime), age = (Date.now() - at) / 1000;
    const ago = age < 120 ? `${Math.max(0, Math.round(age))} s ago` : age < 7200 ? `${Math.round(age / 60)} min ago` : age < 172800 ? `${Math.round(age / 3600)} h ago` : `${Math.round(age / 86400)} d ago`;
    t.title = `${at.toLocaleString()} here, ${ago}`;
  };
  document.addEventListener("pointerover", (e) => { const t = e.target.closest("time[datetime]"); if (t) told(t) });

  // Keys: / searches; j, k and n, p move in a table and between pages.
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, [contenteditable]")) return;
    const rows = [...document.querySelectorAll("main tbody a[href]:first-of-type")];
    const at = rows.indexOf(document.activeElement);
    const go = { "/": () => $(".find input")?.focus(), j: () => rows[Math.min(at + 1, rows.length - 1)]?.focus(), k: () => rows[Math.max(at - 1, 0)]?.focus(),
      n: () => $("a[rel=next]")?.click(), p: () => history.back() }[e.key];
    if (go) { e.preventDefault(); go() }
  });

  // A form is sent once.
  document.addEventListener("submit", (e) => {
    if (e.target.method !== "post") return;
    if (e.target.dataset.sent) { e.preventDefault(); return }
    e.target.dataset.sent = "yes";
    for (const b of e.target.querySelectorAll("button")) b.setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => { for (const f of document.querySelectorAll("form[data-sent]")) delete f.dataset.sent });

  // Ticks: one stream a page, closed while the tab is hidden. Without one for 5 seconds the page says so.
  if (!document.body.matches(":has([hx-get])") && !$("[data-live]")) return;
  let stream, last = Date.now();
  const banner = $(".stale");
  const beat = () => { last = Date.now(); banner.hidden = true; document.body.classList.remove("old"); document.body.dispatchEvent(new Event("tick")) };
  const open = () => {
    if (stream || document.hidden) return;
    stream = new EventSource("/ui/updates");
    stream.addEventListener("tick", beat);
    stream.addEventListener("error", () => { if (stream && stream.readyState === EventSource.CLOSED) { stream = null; setTimeout(open, 1000) } });
  };
  const close = () => { stream?.close(); stream = null };
  document.addEventListener("visibilitychange", () => { if (document.hidden) { close() } else { last = Date.now(); open() } });
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  setInterval(() => {
    if (document.hidden || Date.now() - last < 5000) return;
    banner.hidden = false;
    document.body.classList.add("old");
  }, 500);
  open();
})();

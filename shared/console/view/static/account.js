// The account's page in motion: the slider moves the figures, the chart zooms, what is new arrives. Without it the forms do.
"use strict";
(() => {
  const root = document.querySelector(".account"), chart = document.querySelector("#chart");
  if (!root) return;
  const $ = (s) => root.querySelector(s);
  const currency = root.dataset.currency;
  const digits = (() => { try { return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits } catch { return 0 } })();
  const amount = (n) => (n / 10 ** digits).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
  const dress = () => {
    for (const e of root.querySelectorAll("[data-until]")) {
      const left = Math.round((new Date(e.dataset.until) - Date.now()) / 1000);
      e.textContent = left <= 0 ? "· expires now" : left < 120 ? `· in ${left} s` : left < 7200 ? `· in ${Math.round(left / 60)} min` : left < 172800 ? `· in ${Math.round(left / 3600)} h` : `· in ${Math.round(left / 86400)} d`;
    }
  };
  dress();
  setInterval(dress, 1000);

  // Another moment: the page of it is fetched, one at a time, and its parts take the places of these.
  let flight;
  const replace = async (address, parts) => {
    flight?.abort();
    const mine = flight = new AbortController();
    try {
      const answer = await fetch(address, { signal: mine.signal });
      if (!answer.ok || mine.signal.aborted) return false;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.querySelector(".account");
      if (!next || mine.signal.aborted) return false;
      for (const part of parts) {
        const here = document.getElementById(part), there = page.getElementById(part);
        if (here && there) here.replaceWith(document.adoptNode(there));
      }
      root.dataset.version = next.dataset.version;
      root.dataset.head = next.dataset.head;
      dress();
      return true;
    } catch { return false } // the next one, or a tick, tries again
  };

  const range = chart?.querySelector("input[type=range]");
  let moving = false;
  if (range && !range.disabled) {
    const from = +chart.dataset.from, to = +chart.dataset.to;
    const svg = chart.querySelector("svg.lines"), marker = svg.querySelector(".marker"), dots = svg.querySelectorAll(".dot"), zoom = svg.querySelector(".zoom");
    let series, asked;
    const load = () => asked ??= fetch(chart.dataset.series).then((r) => r.ok ? r.json() : null).then((s) => { series = s }).catch(() => { asked = null });
    const show = (version) => {
      for (const d of dots) d.setAttribute("visibility", "hidden");
      marker?.setAttribute("d", `M${10000 * (version - from + 1) / (to - from + 1)} 0V240`);
      const field = $("#version");
      if (field) field.value = version;
      if (!series) return;
      const i = Math.min(Math.floor((version - from) / series.step), series.versions.length - 1);
      const figure = (name, n) => { const e = $(`[data-figure=${name}]`); if (e?.firstChild) e.firstChild.data = amount(n) + (name === "available" ? " " : "") };
      const posted = series.posted.last[i], available = series.available.last[i], limit = series.limit.last[i];
      figure("posted", posted); figure("available", available); figure("limit", limit); figure("held", posted + limit - available);
    };
    let rest;
    const settle = () => {
      const address = new URL(location.href);
      address.searchParams.delete("at"); address.searchParams.delete("before");
      if (+range.value >= +root.dataset.head) address.searchParams.delete("version"); else address.searchParams.set("version", range.value);
      address.hash = "";
      clearTimeout(rest);
      rest = setTimeout(async () => { if (await replace(address, ["now", "rest"])) history.replaceState(null, "", address); moving = false }, 120);
    };
    const move = (version) => { moving = true; range.value = Math.min(Math.max(version, from), to); load(); show(+range.value); settle() };
    range.addEventListener("input", () => move(+range.value));
    range.addEventListener("focus", load);
    range.addEventListener("pointerdown", load);
    range.addEventListener("keydown", (e) => {
      const page = Math.max(10, Math.round((to - from) / 100));
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page, Home: -Infinity, End: Infinity }[e.key];
      if (by === undefined) return;
      e.preventDefault();
      move(by === -Infinity ? from : by === Infinity ? to : +range.value + by);
    });
    for (const b of chart.querySelectorAll(".step")) b.addEventListener("click", () => move(+range.value + +b.dataset.step));

    // Zoom: drag on the chart. A click goes to that version.
    const at = (e) => { const box = svg.getBoundingClientRect(); return Math.min(Math.max((e.clientX - box.left) / box.width, 0), 1) };
    const version = (share) => Math.min(Math.max(from + Math.ceil(share * (to - from + 1)) - 1, from), to);
    let begin = null;
    svg.addEventListener("pointerdown", (e) => { begin = at(e); svg.setPointerCapture(e.pointerId); e.preventDefault() });
    svg.addEventListener("pointermove", (e) => {
      if (begin === null) return;
      const end = at(e);
      zoom.setAttribute("x", 10000 * Math.min(begin, end));
      zoom.setAttribute("width", 10000 * Math.abs(end - begin));
    });
    svg.addEventListener("pointercancel", () => { begin = null; zoom.setAttribute("width", 0) });
    svg.addEventListener("pointerup", (e) => {
      if (begin === null) return;
      const end = at(e), a = version(Math.min(begin, end)), b = version(Math.max(begin, end)), wide = Math.abs(end - begin) * svg.getBoundingClientRect().width;
      begin = null;
      if (wide < 6 || b - a < 1) { zoom.setAttribute("width", 0); move(version(end)); return }
      const address = new URL(location.href);
      address.searchParams.set("from", a); address.searchParams.set("to", b);
      location.assign(address);
    });
  }

  // What is new: every second tick the newest version is asked for.
  let ticks = 0, asking = false;
  document.body.addEventListener("tick", async () => {
    if (++ticks % 2 || asking || moving) return;
    asking = true;
    try {
      const answer = await fetch(`${root.dataset.path}?fragment=account-head`);
      const head = answer.ok && +(await answer.text());
      if (!head || head <= +root.dataset.head || moving) return;
      if (+root.dataset.version < +root.dataset.head) {
        const chip = $(".newer");
        if (chip) chip.textContent = `${(head - root.dataset.version).toLocaleString("en-US")} newer`;
      } else if (!root.contains(document.activeElement) && !getSelection().toString() && chart?.dataset.to === root.dataset.head) {
        location.reload();
      } else {
        await replace(location.href, ["now", "rest"]);
      }
    } catch { /* the banner says it */ } finally { asking = false }
  });
})();

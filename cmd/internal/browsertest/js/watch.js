// Adds up the layout shifts that neither input nor the mask of a picture caused.
window.passbookShift = {sum: 0, of: []};
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    const painted = window.passbookPainted;
    if (entry.hadRecentInput || painted && entry.startTime >= painted.from && entry.startTime <= painted.to) continue;
    window.passbookShift.sum += entry.value;
    for (const source of entry.sources.slice(0, 3)) {
      const e = source.node?.nodeType === 1 ? source.node : source.node?.parentElement;
      window.passbookShift.of.push(e ? e.tagName.toLowerCase() + (e.getAttribute('id') ? '#' + e.getAttribute('id') : '') + (e.getAttribute('class') ? '.' + e.getAttribute('class') : '') : '?');
    }
  }
}).observe({type: 'layout-shift', buffered: true});

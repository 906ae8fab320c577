// Adds up the layout shifts that no input caused.
window.passbookShift = {sum: 0, of: []};
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    window.passbookShift.sum += entry.value;
    for (const source of entry.sources.slice(0, 3)) {
      const e = source.node?.nodeType === 1 ? source.node : source.node?.parentElement;
      window.passbookShift.of.push(e ? e.tagName.toLowerCase() + (e.getAttribute('id') ? '#' + e.getAttribute('id') : '') + (e.getAttribute('class') ? '.' + e.getAttribute('class') : '') : '?');
    }
  }
}).observe({type: 'layout-shift', buffered: true});

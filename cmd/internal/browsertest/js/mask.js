// Replaces what differs from run to run, times, ids, hashes, ports and directories, by fixed texts of the same kind; for a picture.
// Called again it puts everything back. Parts of a live page stand.
(() => {
  if (window.passbookMasked === undefined) {
    addEventListener('tick', e => { if (window.passbookMasked) e.stopImmediatePropagation(); }, true);
    addEventListener('htmx:before:swap', e => { if (window.passbookMasked) e.preventDefault(); });
  }
  if (window.passbookMasked) {
    for (const [node, text] of window.passbookMasked) { if (node instanceof HTMLInputElement) node.value = text; else node.data = text; }
    window.passbookMasked = null;
    window.passbookPainted.to = performance.now() + 200;
    return;
  }
  window.passbookPainted = {from: performance.now(), to: Infinity};
  const fixed = text => text
    .replace(/\/tmp\/Test[\w.-]*(\/\d+)?/g, './data')
    .replace(/127\.0\.0\.1:\d{4,5}/g, '127.0.0.1:8080')
    .replace(/20\d\d-\d\d-\d\d([ T])\d\d:\d\d:\d\d(?:\.\d+)?/g, '2026-03-04$110:22:01.004')
    .replace(/20\d\d-\d\d-\d\d([ T])\d\d:\d\d/g, '2026-03-04$110:22')
    .replace(/20\d\d-\d\d-\d\d/g, '2026-03-04')
    .replace(/\b\d\d:\d\d:\d\d\b/g, '10:22:01')
    .replace(/\b(January|February|March|April|May|June|July|August|September|October|November|December) 20\d\d/g, 'March 2026')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '01954e2c-8a31-7c09-b1d4-5f60a7c3e210')
    .replace(/01[0-9a-f]{6}-…[0-9a-f]{8}/g, '01954e2c-…a7c3e210')
    .replace(/\b(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{43}\b/g, 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA')
    .replace(/\b\d+ (s|min) ago/g, '3 $1 ago');
  const kept = window.passbookMasked = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const text = fixed(node.data);
    if (text !== node.data) { kept.push([node, node.data]); node.data = text; }
  }
  for (const input of document.querySelectorAll('input[type=date], input[type=datetime-local]')) {
    if (input.value) { kept.push([input, input.value]); input.value = input.type === 'date' ? '2026-03-04' : '2026-03-04T10:22:01'; }
  }
})()

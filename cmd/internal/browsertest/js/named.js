// Marks the first visible link, button or summary with a text and returns its selector, or "".
(text => {
  const seen = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0 && !e.disabled;
  const all = [...document.querySelectorAll('main a, main button, main summary, dialog button, a, button, summary')].filter(seen);
  const name = e => (e.getAttribute('aria-label') || e.innerText || '').trim();
  const found = all.find(e => name(e) === text) ?? all.find(e => name(e).startsWith(text));
  if (!found) return '';
  document.querySelectorAll('[data-passbook-test]').forEach(e => e.removeAttribute('data-passbook-test'));
  found.setAttribute('data-passbook-test', '');
  return '[data-passbook-test]';
})(%s)

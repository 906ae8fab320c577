// Says whether the element with the focus shows it: by an outline, or a border or shadow that it has only then.
(() => {
  const e = document.activeElement, look = () => { const s = getComputedStyle(e); return [s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0, s.boxShadow, s.borderColor, s.backgroundColor].join() };
  const s = getComputedStyle(e);
  if (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1) return true;
  const focused = look();
  e.blur();
  const plain = look();
  e.focus();
  return focused !== plain;
})()

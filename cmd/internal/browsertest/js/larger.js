// Doubles the size of text, as a browser does that is told to enlarge text alone: drawings keep theirs.
(() => {
  const sizes = [...document.querySelectorAll('body, body *:not(svg):not(svg *):not(canvas)')].map(e => [e, getComputedStyle(e)])
    .map(([e, s]) => [e, parseFloat(s.fontSize), parseFloat(s.lineHeight)]);
  for (const [e, size, line] of sizes) {
    e.style.setProperty('font-size', 2 * size + 'px', 'important');
    if (line) e.style.setProperty('line-height', 2 * line + 'px', 'important');
  }
  return true;
})()

// Returns text that is cut off by a box around it, that leaves its box, or that lies on other text; and what makes the page
// scroll sideways. A text that is shortened on purpose, with its whole in a title, is none.
(() => {
  const faults = [];
  const name = e => e.tagName.toLowerCase() + (e.getAttribute('id') ? '#' + e.getAttribute('id') : '') + (e.getAttribute('class') ? '.' + e.getAttribute('class').trim().replace(/\s+/g, '.') : '');
  const short = s => JSON.stringify(s.trim().replace(/\s+/g, ' ').slice(0, 40));
  const hidden = e => !e.checkVisibility({visibilityProperty: true, opacityProperty: true});
  // what is for screen readers alone is a box of a pixel
  const unseen = e => { for (; e && e !== document.body; e = e.parentElement) { const s = getComputedStyle(e); if (s.clipPath !== 'none' || s.clip !== 'auto' || (e.clientWidth <= 1 && e.clientHeight <= 1 && s.overflow === 'hidden')) return true; } return false; };
  const floats = e => { for (; e && e !== document.body; e = e.parentElement) { const p = getComputedStyle(e).position; if (p === 'fixed' || p === 'sticky') return true; } return false; };

  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width + 1) {
    const wide = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > width + 1 && !hidden(e) && !unseen(e) && !scrolls(e.parentElement));
    faults.push(`sideways scroll: ${document.documentElement.scrollWidth} px in ${width}: ${wide.slice(0, 4).map(name).join(', ')}`);
  }
  function scrolls(e) { for (; e && e !== document.body; e = e.parentElement) { if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(e).overflowX)) return true; } return false; }

  const rects = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement;
    if (!node.data.trim() || ['SCRIPT', 'STYLE', 'OPTION', 'TITLE', 'DESC', 'NOSCRIPT'].includes(e.tagName.toUpperCase()) || hidden(e) || unseen(e)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const fixed = floats(e);
    for (const r of range.getClientRects()) {
      if (r.width < 1 || r.height < 1) continue;
      // glyphs are lower than the box of their font
      const cut = Math.max(1, r.height * 0.18);
      rects.push({node, e, fixed, left: r.left + 1, right: r.right - 1, top: r.top + cut, bottom: r.bottom - cut});
    }
  }
  const told = new Set();
  const tell = text => { if (!told.has(text) && told.size < 12) { told.add(text); faults.push(text); } };
  for (const r of rects) {
    for (let box = r.e; box && box !== document.body; box = box.parentElement) {
      const style = getComputedStyle(box);
      if (box instanceof SVGElement) continue;
      const b = box.getBoundingClientRect();
      const clipsX = style.overflowX !== 'visible', clipsY = style.overflowY !== 'visible';
      const scrollsX = ['auto', 'scroll'].includes(style.overflowX), scrollsY = ['auto', 'scroll'].includes(style.overflowY);
      if (clipsX && !scrollsX && (r.right > b.right + 1 || r.left < b.left - 1)) {
        if (!(style.textOverflow === 'ellipsis' && (box.title || box.closest('[title]')))) tell(`text cut at the side: ${short(r.node.data)} in ${name(box)}`);
        break;
      }
      if (clipsY && !scrollsY && (r.bottom > b.bottom + 1 || r.top < b.top - 1)) { tell(`text cut above or below: ${short(r.node.data)} in ${name(box)}`); break; }
      if (scrollsX || scrollsY) break;
      const boxed = style.display !== 'inline' && style.display !== 'contents' && (style.backgroundColor !== 'rgba(0, 0, 0, 0)' || parseFloat(style.borderBottomWidth) > 0 && parseFloat(style.borderTopWidth) > 0);
      if (boxed && (r.right > b.right + 2 || r.left < b.left - 2 || r.bottom > b.bottom + 2 || r.top < b.top - 2)) { tell(`text leaves its box: ${short(r.node.data)} in ${name(box)}`); break; }
    }
  }
  rects.sort((a, b) => a.top - b.top);
  for (let i = 0; i < rects.length; i++) {
    const a = rects[i];
    for (let j = i + 1; j < rects.length && rects[j].top < a.bottom; j++) {
      const b = rects[j];
      if (a.node === b.node || a.fixed !== b.fixed) continue;
      const x = Math.min(a.right, b.right) - Math.max(a.left, b.left), y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (x > 1 && y > 1 && !scrolled(a) && !scrolled(b)) tell(`text on text: ${short(a.node.data)} in ${name(a.e)} and ${short(b.node.data)} in ${name(b.e)}`);
    }
  }
  // what a scrolling box has moved out of sight lies on nothing
  function scrolled(r) {
    for (let box = r.e; box && box !== document.body; box = box.parentElement) {
      if (box instanceof SVGElement || getComputedStyle(box).overflowX === 'visible') continue;
      const b = box.getBoundingClientRect();
      if (r.right > b.right || r.left < b.left || r.bottom > b.bottom || r.top < b.top) return true;
    }
    return false;
  }
  return faults;
})()

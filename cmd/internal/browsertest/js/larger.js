// Doubles the size of text, as a person's setting of the browser does, and says whether the page's text follows.
(() => {
  const size = () => parseFloat(getComputedStyle(document.body).fontSize), before = size();
  document.documentElement.style.fontSize = '200%';
  return size() === 2 * before;
})()

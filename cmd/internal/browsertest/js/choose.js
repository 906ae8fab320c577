((css, value) => {
  const e = document.querySelector(css);
  if (e.type === 'checkbox' || e.type === 'radio') { if (e.checked !== (value !== '')) e.click(); return; }
  e.value = value;
  e.dispatchEvent(new Event('input', {bubbles: true}));
  e.dispatchEvent(new Event('change', {bubbles: true}));
})(%s, %s)

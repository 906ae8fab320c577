// Sets the theme that was remembered, before anything is painted.
try { const t = localStorage.getItem("theme"); if (t === "dark" || t === "light") document.documentElement.dataset.theme = t } catch { /* no storage, no memory */ }

// Computes the hash of an entry again from the text on the page, and says whether it is equal.
"use strict";
(() => {
  const button = document.querySelector("button[data-check]");
  if (!button) return;
  const says = document.querySelector(".checked"), text = document.querySelector(".hashed code");
  button.addEventListener("click", async () => {
    if (!globalThis.crypto?.subtle) {
      says.textContent = "▲ This browser computes hashes only over HTTPS or on 127.0.0.1.";
      says.className = "checked warn";
      return;
    }
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text.textContent)));
    const hash = btoa(String.fromCharCode(...sum)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const equal = hash === button.dataset.check;
    says.textContent = equal ? "● Equal: the SHA-256 of the text below is the hash." : `■ Not equal: the text below has the hash ${hash}.`;
    says.className = equal ? "checked ok" : "checked bad";
  });
})();

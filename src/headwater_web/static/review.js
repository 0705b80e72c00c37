/* Keys of the review queue. Each does what a link or a field of the page does. */
"use strict";
(() => {
  const groups = { y: "positive", n: "negative", u: "unsure" };
  const typing = (at) => at.closest("textarea, select, input:not([type=radio])") !== null;
  const radiosOf = (group) => Array.from(group.querySelectorAll("input[type=radio]"));

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey || event.ctrlKey) { return; }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const at = event.target;
    if (key === "Escape" && typing(at)) { at.blur(); return; }
    if (typing(at)) { return; }
    if (key === "Enter" && at.matches("input[type=radio]")) {
      // A radio alone sends no form in every browser.
      event.preventDefault();
      at.form.requestSubmit();
      return;
    }
    const group = groups[key] && document.querySelector(`fieldset[data-verdict=${groups[key]}]`);
    if (group) {
      event.preventDefault();
      radiosOf(group)[0].focus();
      return;
    }
    const here = at.closest("fieldset[data-verdict]") || document.querySelector("fieldset[data-verdict=undo]");
    if (here && /^[1-9]$/.test(key)) {
      const radio = radiosOf(here)[Number(key) - 1];
      if (radio) {
        event.preventDefault();
        radio.checked = true;
        document.getElementById("why").focus();
      }
      return;
    }
    if (key === "?") {
      event.preventDefault();
      const keys = document.getElementById("keys");
      if (keys) { keys.scrollIntoView({ block: "nearest" }); keys.focus(); }
      return;
    }
    const link = /^[jkzc]$/.test(key) && document.querySelector(`a[data-key=${key}]`);
    if (link) { event.preventDefault(); link.click(); }
  });
})();

/* Keys for what the pages can do without them. Nothing here makes markup; nothing here is needed to read. */
"use strict";
(() => {
  const typing = (at) => at.closest("input, select, textarea, [contenteditable]") !== null;
  const rowsOf = (table) => Array.from(table.querySelectorAll("tbody tr[tabindex]"));

  const go = (table, step) => {
    const rows = rowsOf(table);
    if (rows.length === 0) { return; }
    const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
    const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey) { return; }
    const search = document.getElementById("go-to");
    if (search && ((event.key === "k" && event.ctrlKey) || (event.key === "/" && !typing(event.target)))) {
      event.preventDefault();
      search.focus();
      search.select();
      return;
    }
    if (event.ctrlKey || typing(event.target)) { return; }
    const table = event.target.closest("table[data-keys]") || document.querySelector("table[data-keys]");
    if (!table) { return; }
    const inTable = table.contains(event.target);
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "j" || (key === "ArrowDown" && inTable)) { event.preventDefault(); go(table, 1); }
    if (key === "k" || (key === "ArrowUp" && inTable)) { event.preventDefault(); go(table, -1); }
    if (inTable && key === "Home") { event.preventDefault(); go(table, -rowsOf(table).length); }
    if (inTable && key === "End") { event.preventDefault(); go(table, rowsOf(table).length); }
    if (key === "Enter" && event.target.matches("tr[tabindex]")) {
      const link = event.target.querySelector("a[data-row]");
      if (link) { link.click(); }
    }
    const page = { n: "a[rel=next]", p: "a[rel=prev]" }[key];
    const to = page && document.querySelector(page);
    if (to) { to.click(); }
  });
})();

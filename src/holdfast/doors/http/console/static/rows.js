// Lists of executions: rows that change while one looks, and ticks for many at once.
import { live, patch } from "./live.js";

const host = document.querySelector("[data-live]");
const rows = new Map([...host.querySelectorAll("tr[data-id]")].map((row) => [row.dataset.id, row]));

live(address, {
  rows(changed) {
    for (const [id, html] of Object.entries(changed)) if (rows.has(id)) patch(rows.get(id), html);
  },
  newer() {
    document.getElementById("newer").hidden = false;
  },
});

function address() {
  const url = new URL(host.dataset.live, location.href);
  url.searchParams.set("rows", [...rows.values()].map((row) => `${row.dataset.id}~${row.dataset.seq}`).join(","));
  if (host.dataset.newest) url.searchParams.set("newest", host.dataset.newest);
  return url;
}

const all = host.querySelector("[data-all]");
const ticks = [...host.querySelectorAll("input[name=id]")];
if (all) {
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const tick of ticks) tick.checked = all.checked;
    count();
  });
  host.addEventListener("change", count);
  count();
}

function count() {
  const chosen = ticks.filter((tick) => tick.checked).length;
  all.checked = chosen > 0 && chosen === ticks.length;
  all.indeterminate = chosen > 0 && chosen < ticks.length;
  document.getElementById("selected").textContent = chosen ? `${chosen} selected:` : "With those selected:";
  for (const button of document.querySelectorAll("#bulk button")) button.disabled = !chosen;
}

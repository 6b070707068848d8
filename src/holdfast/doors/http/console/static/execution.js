// The story of one execution: it grows while one looks, and the panel changes without a new page.
import { live, patchInside } from "./live.js";

const host = document.querySelector("[data-story]");
const panel = document.getElementById("panel");
const spans = document.getElementById("spans");
let refresh = 0;

if (!("ended" in host.dataset)) {
  live(address, {
    parts(changed) {
      for (const [id, html] of Object.entries(changed)) patchInside(document.getElementById(id), html);
      mark();
      clearTimeout(refresh);
      refresh = setTimeout(() => show(location.search, { quiet: true }), 200);
      revealCopies();
    },
  });
}
document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const link = event.target.closest?.("a[data-span], a[data-tab], a[data-whole], .axis a");
  if (!link || !host.contains(link)) return;
  event.preventDefault();
  show(new URL(link.href).search);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.("input, textarea, select")) return;
  const tab = panel.querySelectorAll("a[data-tab]")[Number(event.key) - 1];
  if (tab) tab.click();
  else if (event.key === "Escape") panel.querySelector("a[data-whole]")?.click();
});
window.addEventListener("popstate", () => show(location.search, { quiet: true }));

function address() {
  const url = new URL(host.dataset.story, location.href);
  const page = new URLSearchParams(location.search).get("page");
  if (page) url.searchParams.set("page", page);
  return url;
}

async function show(search, { quiet = false } = {}) {
  const answer = await fetch(host.dataset.panel + search, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  if (!quiet) history.replaceState(null, "", location.pathname + search);
  else if (search !== location.search) return;
  patchInside(panel, await answer.text());
  mark();
  if (!quiet && matchMedia("(max-width: 1180px)").matches) panel.scrollIntoView({ block: "start" });
}

function mark() {
  const chosen = new URLSearchParams(location.search).get("span");
  for (const row of spans.querySelectorAll("a[data-span]")) {
    if (row.dataset.span === chosen) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function revealCopies() {
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
}

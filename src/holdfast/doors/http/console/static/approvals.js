// A question's card: A approves, R rejects, E edits, j and k lead on; the editor shows what it changes while one types.
import { say } from "./console.js";
import { live, patchInside } from "./live.js";

const card = document.querySelector("[data-approval]");
const form = document.getElementById("deciding");
const editor = document.getElementById("editor");
const note = document.getElementById("note");

for (const filters of document.querySelectorAll("[data-submits]")) {
  filters.querySelector("button").hidden = true;
  filters.addEventListener("change", () => filters.requestSubmit());
}

document.getElementById("edit-button")?.addEventListener("click", (event) => {
  event.preventDefault();
  edit();
});

form?.addEventListener("submit", (event) => {
  const choice = event.submitter?.value;
  if ((choice === "reject" || choice === "answer") && !note.value.trim()) {
    event.preventDefault();
    ask(choice === "reject" ? "Say why you reject it: the agent is told." : "Write the answer first.");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && event.target.matches?.("textarea")) return event.target.blur();
  if (event.target.closest?.("input:not([type=checkbox]), select, textarea") || event.target.isContentEditable) return;
  if (press(event.key.toLowerCase())) event.preventDefault();
});

function press(key) {
  switch (key) {
    case "j": return follow("later");
    case "k": return follow("earlier");
    case "x": return tick();
    case "e": return edit();
    case "a": case "r": return answer(key);
    default: return false;
  }
}

function follow(id) {
  const link = document.getElementById(id);
  link?.click();
  return Boolean(link);
}

function tick() {
  const box = document.querySelector(".question.shown input[type=checkbox]");
  box?.click();
  return Boolean(box);
}

function answer(key) {
  const button = form?.querySelector(`button[data-key="${key}"]`);
  if (!button) return false;
  if (button.value === "reject" && !note.value.trim()) {
    ask("Say why, then press Reject.");
    return true;
  }
  if (button.value === "answer" && !note.value.trim()) {
    ask("Write the answer, then press Answer.");
    return true;
  }
  form.requestSubmit(button);
  return true;
}

function ask(words) {
  note.setAttribute("aria-invalid", "true");
  note.focus();
  say(words);
}

function edit() {
  if (!editor) return false;
  editor.open = true;
  document.getElementById("edit").focus();
  return true;
}

// --- the difference, while one types

const text = document.getElementById("edit");
const preview = document.getElementById("preview");
let waiting = 0;
let asked = 0;

text?.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(compare, 250);
});
const compareButton = document.getElementById("compare");
if (compareButton) {
  compareButton.type = "button";
  compareButton.addEventListener("click", compare);
}

async function compare() {
  const mine = ++asked;
  const body = new URLSearchParams({ edit: text.value, csrf: form.elements.csrf.value });
  const response = await fetch(preview.dataset.url, { method: "POST", body }).catch(() => null);
  if (!response || mine !== asked) return;
  if (!response.ok) return void (preview.textContent = "The server did not answer this time.");
  preview.innerHTML = await response.text(); // made and escaped by the server
  text.toggleAttribute("aria-invalid", false);
  if (preview.querySelector(".problem")) text.setAttribute("aria-invalid", "true");
}

// --- several at once

const list = document.getElementById("questions-part");
function count() {
  const bulk = document.getElementById("bulk");
  if (!bulk) return;
  const chosen = list.querySelectorAll("input[name=id]:checked").length;
  bulk.hidden = !chosen;
  bulk.textContent = `Decide ${chosen} together`;
}
list?.addEventListener("change", count);
count();

// --- new questions appear, decided ones go

const host = document.querySelector("[data-live]");
if (host) {
  live(() => new URL(host.dataset.live, location.href), {
    parts(changed) {
      for (const [id, html] of Object.entries(changed)) {
        const element = document.getElementById(id);
        if (element) patchInside(element, html);
      }
      const open = document.getElementById("open-approvals");
      open?.classList.toggle("none", open.textContent.trim() === "0");
      count();
    },
  });
}

document.querySelector(".question.shown")?.scrollIntoView({ block: "nearest" });
if (card && !form) document.getElementById("later")?.focus({ focusVisible: true });

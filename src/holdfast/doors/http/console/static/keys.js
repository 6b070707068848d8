// Keys: j and k walk over rows, Enter opens one, x selects it, / filters, ? lists the keys.
const GOES = { o: "overview", e: "executions", a: "approvals" };
let led = 0; // when g was pressed: the next key says where to

export function listen() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (press(event.key, event.target)) event.preventDefault();
  });
}

function typing(element) {
  return element instanceof HTMLElement && (element.isContentEditable || element.matches("select, textarea, input:not([type=checkbox], [type=radio])"));
}

function press(key, target) {
  if (document.querySelector("dialog[open]")) return false;
  if (key !== "g" && Date.now() - led < 1000) return go(key);
  switch (key) {
    case "j": return step(1);
    case "k": return step(-1);
    case "x": return select();
    case "Enter": return target.matches?.("[data-row]") && open(target);
    case "/": return focusFilter();
    case "?": return help();
    case "g": led = Date.now(); return true;
    default: return false;
  }
}

function rows() {
  return [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
}

function current() {
  return document.activeElement?.closest?.("[data-row]");
}

function step(by) {
  const all = rows();
  if (!all.length) return false;
  const at = all.indexOf(current());
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
  next.tabIndex = -1;
  next.focus({ focusVisible: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function open(row) {
  const link = row.matches("a") ? row : row.querySelector("a[href]");
  link?.click();
  return Boolean(link);
}

function select() {
  const box = current()?.querySelector("input[type=checkbox]");
  box?.click();
  return Boolean(box);
}

function focusFilter() {
  const field = document.querySelector("[data-filter]");
  field?.focus();
  field?.select?.();
  return Boolean(field);
}

function help() {
  document.getElementById("help")?.showModal();
  return true;
}

function go(key) {
  led = 0;
  const name = GOES[key];
  const link = name && [...document.querySelectorAll(".side nav a")].find((one) => one.textContent.trim().toLowerCase().startsWith(name));
  link?.click();
  return Boolean(link);
}

// Keeps "3 min ago" true while a page stays open.
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

export function startClock() {
  setInterval(tick, 5000);
}

export function tick() {
  const now = Date.now();
  for (const element of document.querySelectorAll("time[data-ago]")) {
    const words = ago((now - Date.parse(element.dateTime)) / 1000);
    if (element.textContent !== words) element.textContent = words;
  }
}

function ago(seconds) {
  if (seconds <= -1) return `in ${rough(-seconds)}`;
  return seconds < 1 ? "now" : `${rough(seconds)} ago`;
}

function rough(seconds) {
  for (const [size, unit] of UNITS) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return "0 s";
}

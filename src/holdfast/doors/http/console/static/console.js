// What every page has: keys, times that grow, and the dialog of keys. Without it everything works by links and forms.
import { startClock } from "./clock.js";
import { listen } from "./keys.js";

startClock();
listen();
for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  say("Copied");
});

export function say(words) {
  document.getElementById("said").textContent = words;
}

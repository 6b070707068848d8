// One stream a page. It is closed while nobody looks, comes back after a server restart, and says how it stands.
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;

// `address` is asked anew for each connection, so that it can say what the page shows by then.
export function live(address, handlers) {
  let source = null;
  let timer = 0;
  let wait = FIRST_WAIT_MS;

  function connect() {
    clearTimeout(timer);
    if (source || document.hidden) return;
    source = new EventSource(address());
    source.addEventListener("open", () => { wait = FIRST_WAIT_MS; show("live"); });
    source.addEventListener("error", () => again());
    source.addEventListener("closing", () => again());
    source.addEventListener("end", () => { close(); show(""); });
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => soon(() => handle(JSON.parse(event.data))));
    }
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  // Not the browser's own way of coming back: that gives up for good after an answer that is no stream.
  function again() {
    close();
    show("waiting");
    timer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : connect()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", connect);
  connect();
}

// Changes are drawn together, in the next frame.
let queue = [];
function soon(draw) {
  queue.push(draw);
  if (queue.length === 1) {
    requestAnimationFrame(() => {
      const now = queue;
      queue = [];
      for (const one of now) one();
    });
  }
}

const WORDS = { live: "Live", waiting: "Reconnecting" };
function show(state) {
  const element = document.getElementById("link-state");
  if (!element) return;
  element.hidden = !state;
  element.dataset.state = state;
  element.textContent = WORDS[state] ?? "";
}

// Put new HTML of ours in the place of old, touching only what differs, so that focus and ticks stay.
export function patch(element, html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  const fresh = made.content.firstElementChild;
  if (fresh) morph(element, fresh);
}

export function patchInside(element, html) {
  const made = element.cloneNode(false);
  made.innerHTML = html;
  morphChildren(element, made);
}

function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || keyOf(old) !== keyOf(fresh)) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "tabindex" && name !== "open") old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (old instanceof HTMLInputElement || old instanceof HTMLTextAreaElement || old instanceof HTMLSelectElement) return;
  morphChildren(old, fresh);
}

function morphChildren(old, fresh) {
  const before = new Map([...old.children].filter(keyOf).map((one) => [keyOf(one), one]));
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const known = before.get(keyOf(child) || null); // nothing without a key is known
    if (known && known !== at) old.insertBefore(known, at);
    const present = known ?? at;
    if (!present || (!known && keyOf(present))) {
      old.insertBefore(child, at);
      continue;
    }
    at = present.nextSibling;
    morph(present, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.id ?? "" : "";
}

// What a live page does beside hx-sse: it says so when the dashboard itself is away, and keeps times and buttons right.
"use strict";

const live = {
  shown: () => document.getElementById("live"),
  clock: 0,   // how far the API server's clock is ahead of this one, in milliseconds
};

function serverNow() {
  return new Date(Date.now() + live.clock);
}

function setClock() {
  const at = document.querySelector("#as-of time")?.dateTime;
  if (at) live.clock = Date.parse(at) - Date.now();
}

// The dashboard cannot tell that it is away. It says by itself that it is back: each stream begins with that.
document.addEventListener("htmx:sse:error", () => {
  const shown = live.shown();
  if (!shown || shown.classList.contains("bad")) return;
  shown.classList.add("bad");
  shown.textContent = `Not live since ${serverNow().toISOString().slice(11, 16)} UTC: the dashboard does not answer`;
});

document.addEventListener("htmx:after:swap", (event) => {
  if (event.target.id !== "stream") return;
  for (const button of document.querySelectorAll("button.copy")) button.hidden = !navigator.clipboard;
  if (event.detail?.ctx?.text?.includes('id="as-of"')) setClock();
});

setClock();

// What pages do beside htmx: copy a command. Everything works without it.
"use strict";

for (const button of document.querySelectorAll("button.copy")) button.hidden = !navigator.clipboard;

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button.copy");
  if (!button) return;
  const before = button.innerHTML;
  await navigator.clipboard.writeText(button.closest(".command").querySelector("code").textContent);
  button.textContent = "Copied";
  setTimeout(() => { button.innerHTML = before; }, 1500);
});

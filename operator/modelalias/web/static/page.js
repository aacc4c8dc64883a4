// What pages do beside htmx: copy a command, choose what is typed. Everything works without it.
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

// Who types a version means that one, also where another is chosen already.
document.addEventListener("input", (event) => {
  const other = event.target.form?.querySelector('input[type="radio"][name="version"][value=""]');
  if (other && event.target.id === "number" && event.target.value) other.checked = true;
});

// All of the page's script: copy a command, unfold everything, unfold what a link leads to. Nothing is fetched or made
// from text. Without it the page is complete: commands can be selected, details unfolded one by one.
"use strict";
const live = document.getElementById("said");

async function copy(button) {
  const command = button.parentElement.querySelector(".command");
  try {
    await navigator.clipboard.writeText(command.textContent);
  } catch {
    getSelection().selectAllChildren(command);
    document.execCommand("copy");
  }
  live.textContent = "The command is copied.";
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; live.textContent = ""; }, 2000);
}

function unfold(open) {
  for (const element of document.querySelectorAll("details")) element.open = open;
}

function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  for (let around = target; around; around = around.parentElement) if (around.matches("details")) around.open = true;
  if (target) target.scrollIntoView();
}

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
const all = document.getElementById("unfold");
all.hidden = false;
all.addEventListener("click", () => {
  const open = all.getAttribute("aria-pressed") !== "true";
  unfold(open);
  all.setAttribute("aria-pressed", String(open));
});
addEventListener("hashchange", reveal);
addEventListener("beforeprint", () => unfold(true));
if (location.hash) reveal();

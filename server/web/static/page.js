// Small conveniences. Every page works without them.

const localTime = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function nameLocalTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    if (time.dateTime.includes("T")) time.title = localTime.format(new Date(time.dateTime));
  }
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const text = source.value ?? source.textContent.trim();
  const said = button.dataset.label ?? (button.dataset.label = button.textContent);
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    if (source.select) source.select();
    button.textContent = "Press Ctrl+C to copy";
  }
  setTimeout(() => (button.textContent = said), 2500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

// A second click on a slow line must not do the same thing twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.dataset.upload !== undefined) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.target !== "_blank") {
    form.dataset.sent = "yes";
    event.submitter?.classList.add("is-busy");
  }
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll(".is-busy")) button.classList.remove("is-busy");
});

// Filters apply as they are chosen; without script there is a button.
document.addEventListener("change", (event) => {
  if (event.target.closest("form[data-apply-on-change]")) event.target.form.requestSubmit();
  const radio = event.target.closest("[data-selects]")?.dataset.selects;
  if (radio && event.target.value) document.getElementById(radio).checked = true;
});

// A page made by a form shows a secret once; reloading it must not make another.
const after = document.querySelector("[data-address-after]");
if (after) history.replaceState(null, "", after.dataset.addressAfter);

document.addEventListener("htmx:afterSwap", () => nameLocalTimes(document));
nameLocalTimes(document);
document.querySelector("[data-problem-summary]")?.focus();

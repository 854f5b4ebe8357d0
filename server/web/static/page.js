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
    button.textContent = button.dataset.copied ?? "Copied";
  } catch {
    if (source.select) source.select();
    button.textContent = button.dataset.press ?? "Press Ctrl+C to copy";
  }
  setTimeout(() => (button.textContent = said), 2500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

// What was typed into a form that came to nothing (the session had ended, somebody was faster) is shown on
// the page that says so. It stays in this tab, and only until the next page.
const TYPED = "margin-typed";

function keepTyped(form) {
  const typed = [...form.querySelectorAll("textarea, input[type=text], input:not([type])")]
    .filter((field) => field.value.trim() && !field.readOnly)
    .map((field) => [field.labels?.[0]?.textContent.trim() ?? "", field.value]);
  try {
    sessionStorage.setItem(TYPED, JSON.stringify(typed));
  } catch {
    // Without storage, or with more than fits, nothing is shown again.
  }
}

function showTyped() {
  const place = document.querySelector("[data-typed]");
  let typed = [];
  try {
    typed = JSON.parse(sessionStorage.getItem(TYPED) ?? "[]");
    sessionStorage.removeItem(TYPED);
  } catch {
    return;
  }
  if (!place || !typed.length) return;
  for (const [index, [name, text]] of typed.entries()) {
    const row = document.createElement("div");
    const label = document.createElement("label");
    const field = document.createElement("textarea");
    row.className = "field";
    label.htmlFor = field.id = `typed-${index}`;
    label.textContent = name;
    field.value = text;
    field.readOnly = true;
    row.append(label, field);
    place.append(row);
  }
  place.hidden = false;
}

// Whoever sits down here next must find nothing that was typed and never sent: it goes at the sign-out, and
// that is said before. Kept by questions.js and by the viewer's form (viewer_config/panel/unsent.js), under
// the number of its case.
const UNSENT = /^margin-(?:draft:|unsent )([^: ]+)/;

document.getElementById("sign-out")?.addEventListener("submit", (event) => {
  const kept = Object.keys(localStorage).filter((name) => UNSENT.test(name));
  if (!kept.length) return;
  if (event.submitter?.matches("[data-delete-unsent]")) {
    for (const name of kept) localStorage.removeItem(name);
    return;
  }
  event.preventDefault();
  const dialog = document.getElementById("unsent");
  const cases = new Set(kept.map((name) => UNSENT.exec(name)[1]));
  dialog.querySelector("[data-unsent]").textContent = [...cases].sort().join(", ");
  dialog.querySelector("[data-stay]").onclick = () => dialog.close();
  dialog.showModal();
});

// A second click on a slow line must not do the same thing twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.dataset.upload !== undefined) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  keepTyped(form);
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

// On a telephone a table that does not fit is read row by row, each cell beside its column's name.
const narrow = matchMedia("(max-width: 40rem)");

function nameCells(table) {
  const heads = [...table.tHead.rows[0].cells].flatMap((head) =>
    Array(head.colSpan).fill(head.querySelector(".unseen") ? "" : head.textContent.trim()),
  );
  for (const row of [...table.tBodies].flatMap((body) => [...body.rows])) {
    let column = 0;
    for (const cell of row.cells) {
      cell.dataset.head = cell.colSpan > 1 ? "" : (heads[column] ?? "");
      cell.classList.toggle("is-empty", !cell.textContent.trim() && !cell.children.length);
      column += cell.colSpan;
    }
  }
}

function fitTables() {
  for (const table of document.querySelectorAll(".scroll > table")) {
    table.classList.remove("is-stacked");
    const room = table.parentElement;
    const fits = room.scrollWidth <= room.clientWidth + 1;
    if (!narrow.matches || fits || !table.tHead || table.querySelector("[rowspan]")) continue;
    nameCells(table);
    table.classList.add("is-stacked");
  }
}

function dress() {
  nameLocalTimes(document);
  fitTables();
}
addEventListener("resize", fitTables);
document.addEventListener("toggle", fitTables, true);
document.addEventListener("htmx:afterSwap", dress);
dress();
showTyped();
document.querySelector("[data-problem-summary]")?.focus();

// Drafts of questions and answers stay in this browser until they are sent; what was seen is noted.

const DAYS_KEPT = 14;
const DAY_MS = 24 * 60 * 60 * 1000;
const SEEN_AFTER_MS = 1500;
const PREFIX = "margin-draft:";
const TYPED = ["subject", "text"];

function read(name) {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "null");
  } catch {
    return null;
  }
}

function keep(name, draft) {
  try {
    localStorage.setItem(name, JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

function clearOld() {
  for (const name of Object.keys(localStorage)) {
    if (!name.startsWith(PREFIX)) continue;
    const draft = read(name);
    if (!draft || Date.now() - draft.at > DAYS_KEPT * DAY_MS) localStorage.removeItem(name);
  }
}

function follow(form, sentKeys) {
  const place = form.closest("[data-case]");
  const name = `${PREFIX}${place.dataset.case}:${place.dataset.writer}:${form.dataset.draft}`;
  const key = form.elements.key;
  const said = form.querySelector("[data-kept]");
  const draft = read(name);
  if (draft && sentKeys.has(draft.key)) {
    localStorage.removeItem(name);
  } else if (draft && TYPED.every((field) => !form.elements[field]?.value)) {
    for (const field of TYPED) if (form.elements[field]) form.elements[field].value = draft[field] ?? "";
    // Under its own key, so that what reached the server although its answer did not is not said twice.
    key.value = draft.key;
    form.closest("details")?.setAttribute("open", "");
    said.textContent = said.dataset.back;
  }
  const keepTyped = () => {
    const now = { at: Date.now(), key: key.value };
    for (const field of TYPED) now[field] = form.elements[field]?.value ?? "";
    if (!now.text && !now.subject) {
      localStorage.removeItem(name);
      said.textContent = "";
    } else {
      said.textContent = keep(name, now) ? said.dataset.kept : said.dataset.notKept;
    }
  };
  form.addEventListener("input", keepTyped);
  // What was typed while this script was still on its way.
  if (TYPED.some((field) => form.elements[field]?.value) && !said.textContent) keepTyped();
}

function noteSeen(form) {
  form.querySelector("[data-no-script]").hidden = true;
  const send = () => {
    if (document.visibilityState !== "visible") return;
    document.removeEventListener("visibilitychange", wait);
    fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
  };
  const wait = () => setTimeout(send, SEEN_AFTER_MS);
  document.addEventListener("visibilitychange", wait);
  wait();
}

const sentKeys = new Set([...document.querySelectorAll("[data-key]")].map((one) => one.dataset.key));
clearOld();
for (const form of document.querySelectorAll("form[data-draft]")) follow(form, sentKeys);
const seen = document.querySelector("form[data-seen]");
if (seen) noteSeen(seen);

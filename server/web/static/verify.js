// The file is hashed here: only its SHA-256, and the number and code that stand in it, are sent.

const answers = document.getElementById("answer");
const MARK = /margin-(?:opinion|addendum) ([A-Z0-9-]{1,30}) ([0-9A-Z]{5}-[0-9A-Z]{5})/;

function show(outcome, facts) {
  const template = document.querySelector(`template[data-outcome="${outcome}"]`);
  const shown = template.content.cloneNode(true);
  for (const place of shown.querySelectorAll("[data-fill]")) {
    place.textContent = facts[place.dataset.fill] ?? "";
  }
  answers.replaceChildren(shown);
  answers.scrollIntoView({ block: "nearest" });
}

function refuse(sentence) {
  const said = document.createElement("p");
  said.className = "banner banner-bad";
  said.textContent = sentence;
  answers.replaceChildren(said);
}

async function ask(question) {
  try {
    const response = await fetch("/verify", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(question),
    });
    const body = await response.json();
    if (response.ok) show(body.outcome, body);
    else refuse(`${body.error.message} ${body.error.remedy}`);
  } catch {
    refuse("The server does not answer. Try again in a moment.");
  }
}

async function questionAbout(file) {
  const bytes = await file.arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = Array.from(hash, (one) => one.toString(16).padStart(2, "0")).join("");
  // Some punctuation is written by its code in a PDF.
  const found = MARK.exec(new TextDecoder("latin1").decode(bytes).replaceAll("\\055", "-"));
  return { sha256, number: found?.[1] ?? "", code: found?.[2] ?? "" };
}

const byFile = document.querySelector("[data-verify-file]");
const byCode = document.querySelector("[data-verify-code]");

// Browsers hash only where the connection is safe; elsewhere the form sends the file.
if (globalThis.crypto?.subtle) {
  byFile.querySelector("[data-local]").hidden = false;
  byFile.addEventListener("submit", async (event) => {
    event.preventDefault();
    delete byFile.dataset.sent;
    const file = byFile.elements.document.files[0];
    if (file) await ask(await questionAbout(file));
    byFile.querySelector("button").classList.remove("is-busy");
  });
  const drop = byFile.querySelector("[data-drop]");
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("is-target");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("is-target"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("is-target");
    if (!event.dataTransfer.files.length) return;
    byFile.elements.document.files = event.dataTransfer.files;
    byFile.elements.document.dispatchEvent(new Event("change"));
    byFile.requestSubmit();
  });
}
byFile.elements.document.addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) byFile.querySelector("[data-file-said]").textContent = file.name;
});

byCode.addEventListener("submit", async (event) => {
  event.preventDefault();
  delete byCode.dataset.sent;
  const { number, code } = byCode.elements;
  await ask({ number: number.value, code: code.value });
  byCode.querySelector("button").classList.remove("is-busy");
});

// Saves the opinion as it is written. Everything this does can be done by the form, too.

// A frame in which the keyboard is does not match :focus; whoever scrolls in it must see that.
const frame = document.querySelector("[data-preview]");
addEventListener("blur", () => frame?.classList.toggle("is-read", document.activeElement === frame));
addEventListener("focus", () => frame?.classList.remove("is-read"));

const form = document.querySelector("form[data-opinion]");
if (form) write(form);

function write(form) {
  const said = form.querySelector("[data-saved]");
  const conflict = document.querySelector("[data-conflict]");
  const preview = document.querySelector("[data-preview]");
  const signing = document.querySelector("form[data-sign]");
  const changedParts = new Set();
  let theirs = null;
  let timer = 0;
  let running = null;
  let choicesChanged = false;

  const version = () => Number(form.elements.version.value);
  const textOf = (key) => form.elements[`text-${key}`];
  const values = (name) =>
    [...form.querySelectorAll(`input[name="${name}"]:checked`)].map((one) => one.value);

  function choices() {
    const offered = [...form.querySelectorAll('input[name="image_offered"]')];
    const printed = new Set(values("image"));
    return {
      status: values("status")[0],
      basis: form.elements.basis.value,
      assessed_on: form.elements.assessed_on.value,
      categories: values("categories"),
      language: form.elements.language.value,
      paper: form.elements.paper.value,
      images_left_out: offered.map((one) => one.value).filter((one) => !printed.has(one)),
    };
  }

  function setVersion(number) {
    form.elements.version.value = number;
    if (signing) signing.elements.draft_version.value = number;
  }

  async function save(taken) {
    clearTimeout(timer);
    if (running) await running;
    const sent = new Set(changedParts);
    const texts = Object.fromEntries([...sent].map((key) => [key, textOf(key).value]));
    if (taken) texts[taken] = null;
    const body = { version: version(), texts, ...(choicesChanged ? choices() : {}) };
    if (!Object.keys(texts).length && !choicesChanged) return;
    changedParts.clear();
    choicesChanged = false;
    say("Saving …");
    running = send(body, sent, taken).finally(() => (running = null));
    await running;
  }

  async function send(body, sent, taken) {
    try {
      const response = await fetch(form.dataset.opinion, {
        method: "PUT",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(body),
      });
      const answer = await response.json();
      if (response.ok) return kept(answer, taken);
      again(body, sent);
      if (answer.error.current) {
        theirs = answer.error.current;
        conflict.hidden = false;
        conflict.scrollIntoView({ block: "nearest" });
        say("Not saved");
        return;
      }
      const more = answer.error.problems.map((one) => one.message).join(" ");
      say(`Not saved: ${more || answer.error.message}`);
    } catch {
      again(body, sent);
      say("Not saved: the server does not answer. What you typed stays here.");
      timer = setTimeout(save, 5000);
    }
  }

  // What was not kept is sent again with the next change.
  function again(body, sent) {
    for (const key of sent) changedParts.add(key);
    choicesChanged = choicesChanged || "status" in body;
  }

  function kept(answer, taken) {
    setVersion(answer.version);
    say(`Saved ${answer.saved_at.slice(11, 16)} UTC`);
    for (const [key, part] of Object.entries(answer.parts)) {
      const section = form.querySelector(`[data-part="${key}"]`);
      section.querySelector("[data-own]").hidden = !part.own;
      section.querySelector("[data-stale]").hidden = !part.stale;
      section.querySelector("[data-take]").hidden = !part.own;
      const box = textOf(key);
      if (key === taken || (!changedParts.has(key) && box !== document.activeElement)) {
        box.value = part.text;
      }
    }
    const missing = document.querySelector("[data-missing]");
    missing.hidden = !answer.missing.length;
    missing.querySelector("ul").replaceChildren(
      ...answer.missing.map((sentence) => {
        const line = document.createElement("li");
        line.textContent = sentence;
        return line;
      }),
    );
    showAgain();
  }

  // What is being read stays where it is.
  function showAgain() {
    const frame = preview.contentWindow;
    const read = placeIn(frame);
    preview.addEventListener("load", () => read && frame.scrollTo(0, read), { once: true });
    frame?.location.replace(preview.src);
  }

  function placeIn(frame) {
    try {
      return frame.scrollY;
    } catch {
      return 0; // A page of the browser's own, when the server did not answer.
    }
  }

  // A reader of the screen hears each state once.
  function say(words) {
    if (said.textContent !== words) said.textContent = words;
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(save, 800);
  }

  form.addEventListener("input", (event) => {
    const part = event.target.closest("[data-part]")?.dataset.part;
    if (part) changedParts.add(part);
    else choicesChanged = true;
    say("Not saved yet");
    soon();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const taken = event.submitter?.value || "";
    if (taken) changedParts.delete(taken);
    await save(taken);
    delete form.dataset.sent;
    event.submitter?.classList.remove("is-busy");
  });
  conflict.querySelector("[data-keep-mine]").addEventListener("click", async () => {
    setVersion(theirs.version);
    conflict.hidden = true;
    await save();
  });
  conflict.querySelector("[data-take-theirs]").addEventListener("click", () => location.reload());

  // What is signed is what is saved.
  signing?.addEventListener("submit", async (event) => {
    if (!changedParts.size && !choicesChanged && !running) return;
    event.preventDefault();
    event.stopPropagation();
    await save();
    delete signing.dataset.sent;
    if (!changedParts.size && !choicesChanged && conflict.hidden) signing.requestSubmit();
  });
  addEventListener("beforeunload", (event) => {
    if (changedParts.size || choicesChanged) event.preventDefault();
  });
}

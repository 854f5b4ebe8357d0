// Sends chosen or dropped files in small batches and says of each what became of it.

const MOST_FILES = 20;
const MOST_BYTES = 24 * 1024 * 1024;
const TRIES = 3;

/** Files of a drop, folders gone through. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const found = [];
  const walk = async (entry) => {
    if (entry.isFile) {
      found.push(await new Promise((take, fail) => entry.file(take, fail)));
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((take, fail) => reader.readEntries(take, fail));
      if (!some.length) return;
      for (const one of some) await walk(one);
    }
  };
  for (const entry of entries) await walk(entry);
  return found;
}

/** Batches small enough that progress moves and little is lost when the line breaks. */
function* batches(files) {
  let batch = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length && (batch.length >= MOST_FILES || bytes + file.size > MOST_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += file.size;
  }
  if (batch.length) yield batch;
}

const size = (bytes) =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;

class Sending {
  constructor(form) {
    this.form = form;
    this.part = (name) => form.querySelector(`[data-${name}]`);
    this.queue = [];
    this.totals = { files: 0, bytes: 0, done: 0, sent: 0, accepted: 0, refused: 0, later: 0 };
    this.running = false;
    this.request = null;
  }

  add(files) {
    if (!files.length) return;
    this.queue.push(...files);
    this.totals.files += files.length;
    for (const file of files) this.totals.bytes += file.size;
    this.part("progress").hidden = false;
    this.part("finished").hidden = true;
    if (!this.running) this.run();
  }

  async run() {
    this.running = true;
    this.part("stop").hidden = false;
    while (this.queue.length) {
      const [batch] = batches(this.queue);
      this.queue.splice(0, batch.length);
      for (const outcome of await this.send(batch)) this.note(outcome);
      this.totals.done += batch.length;
      this.totals.sent += batch.reduce((sum, file) => sum + file.size, 0);
      this.show(0);
    }
    this.running = false;
    this.part("stop").hidden = true;
    this.part("finished").hidden = false;
    this.show(0);
  }

  async send(batch) {
    const failed = (detail) => batch.map((file) => ({ name: file.name, outcome: "later", detail }));
    for (let attempt = 1; ; attempt += 1) {
      const { status, body } = await this.post(batch);
      if (status === 200 && body?.files) return body.files;
      if (status === "stopped") return failed("Not sent: you stopped.");
      if (status >= 400 && status < 500) {
        const said = body?.error;
        const why = [said?.message ?? "Not taken.", said?.remedy].filter(Boolean).join(" ");
        if (status === 401 || status === 403) this.giveUp(why);
        return failed(why);
      }
      if (attempt >= TRIES) return failed("The line broke. Send this file again.");
      await new Promise((wake) => setTimeout(wake, 1500 * attempt));
    }
  }

  post(batch) {
    const body = new FormData();
    body.append("csrf_token", this.form.elements.csrf_token.value);
    for (const file of batch) body.append("files", file, file.name);
    return new Promise((answer) => {
      const request = (this.request = new XMLHttpRequest());
      request.open("POST", this.form.action);
      request.setRequestHeader("Accept", "application/json");
      request.responseType = "json";
      request.upload.onprogress = (event) => this.show(event.loaded);
      request.onload = () => answer({ status: request.status, body: request.response });
      request.onerror = () => answer({ status: 0 });
      request.onabort = () => answer({ status: "stopped" });
      request.send(body);
    });
  }

  giveUp(detail) {
    for (const file of this.queue.splice(0)) {
      this.note({ name: file.name, outcome: "later", detail });
      this.totals.done += 1;
    }
  }

  stop() {
    this.giveUp("Not sent: you stopped.");
    this.request?.abort();
  }

  note({ name, outcome, detail }) {
    this.totals[outcome] += 1;
    if (outcome === "accepted") return;
    const line = document.createElement("li");
    const chip = document.createElement("span");
    chip.className = `chip chip-${outcome === "refused" ? "bad" : "warn"}`;
    chip.textContent = outcome === "refused" ? "refused" : "not sent";
    const text = document.createElement("span");
    const file = document.createElement("strong");
    file.textContent = name;
    text.append(file, ` ${detail}`);
    line.append(chip, text);
    this.part("outcomes").append(line);
  }

  show(loaded) {
    const { files, bytes, done, sent, accepted, refused, later } = this.totals;
    const now = Math.min(bytes, sent + loaded);
    this.part("progress").querySelector("progress").value = bytes ? now / bytes : done / files;
    const left = this.running ? "Sending" : "Sent";
    this.part("said").textContent = `${left}: ${done} of ${files} files, ${size(now)} of ${size(bytes)}`;
    this.part("counts").textContent = `${accepted} taken, ${refused} refused, ${later} not sent`;
  }
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  const sending = new Sending(form);
  const drop = form.querySelector("[data-drop]");
  const input = form.elements.files;
  form.querySelector("[data-without-script]").hidden = true;
  form.querySelector("[data-with-script]").hidden = false;
  for (const chooser of [input, form.querySelector("[data-folder]")]) {
    chooser.addEventListener("change", () => {
      sending.add([...chooser.files]);
      chooser.value = "";
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.querySelector("[data-stop]").addEventListener("click", () => sending.stop());
  for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.toggle("is-over", type === "dragenter" || type === "dragover");
    });
  }
  drop.addEventListener("drop", async (event) => sending.add(await dropped(event.dataTransfer)));
  addEventListener("beforeunload", (event) => sending.running && event.preventDefault());
}

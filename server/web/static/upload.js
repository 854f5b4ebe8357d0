// The box in which files are sent: what is dropped, how far it is, what was not taken and why.

import { chosen, dropped, duration, size } from "./upload_files.js";
import { count, number, said, say, speak } from "./upload_language.js";
import { Queue } from "./upload_queue.js";
import { Review } from "./upload_review.js";

const DRAWN_EVERY_MS = 250;
const ASKED_EVERY_MS = 2500;
const WORDS = {
  waiting: "waits",
  held: "waits",
  active: "being sent",
  sent: "sent",
  before: "sent before",
  refused: "refused",
  left_out: "not needed",
  stopped: "not sent",
};

class Box {
  constructor(form) {
    speak(form);
    this.form = form;
    this.base = form.dataset.base;
    this.part = (name) => form.querySelector(`[data-${name}]`);
    this.queue = new Queue({
      base: this.base,
      caseNumber: form.dataset.case,
      changed: (item) => this.changed(item),
      trouble: (said, remedy) => this.trouble(said, remedy),
      ended: () => this.ended(),
    });
    this.review = new Review(this.part, this.base, (files) => this.send(files));
    this.told = new Map();
    this.rows = new Map();
    this.lines = new Map();
    this.drawing = 0;
    this.asking = 0;
    this.seen = 0;
    this.listen();
    this.lookBack();
  }

  listen() {
    const { form } = this;
    for (const part of form.querySelectorAll("[data-with-script]")) part.hidden = false;
    for (const part of form.querySelectorAll("[data-without-script]")) part.hidden = true;
    for (const input of [form.elements.files, this.part("folder")]) {
      input.addEventListener("change", () => {
        const files = chosen(input);
        input.value = "";
        this.take(files);
      });
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    const drop = this.part("drop");
    for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
      drop.addEventListener(type, (event) => {
        event.preventDefault();
        drop.classList.toggle("is-over", type === "dragenter" || type === "dragover");
      });
    }
    drop.addEventListener("drop", async (event) => this.take(await dropped(event.dataTransfer)));
    this.part("pause").addEventListener("click", () => this.togglePause());
    this.part("stop").addEventListener("click", () => this.queue.stop());
    this.part("forget").addEventListener("click", () => this.forget());
    this.part("list-part").addEventListener("toggle", () => this.drawList());
    addEventListener("beforeunload", (event) => this.queue.isRunning && event.preventDefault());
  }

  take(files) {
    if (!files.length) return;
    if (this.part("clean").checked) this.review.begin(files);
    else this.send(files);
  }

  send(files) {
    if (!files.length) return;
    this.part("progress").hidden = false;
    this.part("finished").hidden = true;
    this.part("unfinished").hidden = true;
    this.part("list-part").hidden = files.length + this.queue.items.length < 2;
    this.queue.add(files);
    this.ask();
  }

  /** What an earlier visit began and did not finish. */
  async lookBack() {
    const now = await this.queue.ask("/state").catch(() => null);
    if (!now) return;
    this.seen = now.progress.taken + now.progress.known + now.progress.left_out + now.progress.refused;
    for (const one of now.refused) this.told.set(keyOf(one), null);
    const half = now.progress.receiving;
    if (!half) return;
    this.part("unfinished").hidden = false;
    this.part("unfinished-said").textContent = half === 1 ? say("1 file of an earlier upload is not whole yet.") : say("{number} files of an earlier upload are not whole yet.", { number: number(half) });
  }

  async forget() {
    const { marks } = await this.queue.ask("/marks").catch(() => ({ marks: [] }));
    for (const mark of marks.filter((one) => one.state === "receiving")) {
      const headers = { "Tus-Resumable": "1.0.0", Accept: "application/json" };
      await fetch(`${this.base}/uploads/${mark.id}`, { method: "DELETE", headers }).catch(() => null);
    }
    this.part("unfinished").hidden = true;
    this.part("drop").focus();
  }

  togglePause() {
    if (this.queue.paused) this.queue.resume();
    else this.queue.pause();
    this.draw();
  }

  changed(item) {
    if (item.state === "refused" || item.state === "stopped") this.tell(item.name, item.state, item.reason);
    const line = this.lines.get(item);
    if (line) this.fillLine(line, item);
    if (!this.drawing) this.drawing = setTimeout(() => this.draw(), DRAWN_EVERY_MS);
  }

  trouble(problem, remedy = "") {
    const banner = this.part("trouble");
    banner.hidden = !problem;
    this.part("trouble-said").textContent = said(problem);
    this.part("trouble-remedy").textContent = said(remedy);
  }

  draw() {
    clearTimeout(this.drawing);
    this.drawing = 0;
    const { totals, paused, isRunning } = this.queue;
    const over = totals.done + totals.before + totals.refused + totals.left_out + totals.stopped;
    this.part("bar").value = totals.bytes ? totals.sent / totals.bytes : over / Math.max(1, totals.files);
    const doing = paused ? "Paused: {done} of {files}" : isRunning ? "Sending: {done} of {files}" : "Sent: {done} of {files}";
    this.part("said").textContent = say(doing, { done: number(over), files: count(totals.files, "file") });
    const notes = [say("{part} of {whole}", { part: size(totals.sent), whole: size(totals.bytes) })];
    if (totals.before) notes.push(say("{number} sent before", { number: number(totals.before) }));
    this.part("figures").textContent = notes.join(" · ");
    const { rate, left } = isRunning && !paused && this.part("trouble").hidden ? this.queue.pace : { rate: 0, left: 0 };
    this.part("rate").textContent = left ? `${size(rate)}/s · ${say("about {time} left", { time: duration(left) })}` : "";
    this.part("pause").textContent = say(paused ? "Go on" : "Pause");
    for (const name of ["pause", "stop"]) this.part(name).hidden = !isRunning;
    this.part("list-title").textContent = say("All files ({number})", { number: number(totals.files) });
    this.drawActive();
    if (isRunning && !paused) this.drawing = setTimeout(() => this.draw(), 4 * DRAWN_EVERY_MS);
  }

  drawActive() {
    const list = this.part("active");
    for (const [item, row] of this.rows) {
      if (this.queue.active.has(item)) continue;
      row.remove();
      this.rows.delete(item);
    }
    for (const item of this.queue.active) {
      let row = this.rows.get(item);
      if (!row) {
        row = document.createElement("li");
        const bar = document.createElement("progress");
        bar.max = 1;
        bar.setAttribute("aria-label", item.name);
        row.append(span("name", item.name), bar, span("figure", ""));
        row.firstChild.title = item.name;
        list.append(row);
        this.rows.set(item, row);
      }
      row.children[1].value = item.size ? item.sent / item.size : 0;
      row.children[2].textContent = say("{part} of {whole}", { part: size(item.sent), whole: size(item.size) });
    }
  }

  drawList() {
    if (!this.part("list-part").open) return;
    const list = this.part("list");
    for (const item of this.queue.items) {
      if (this.lines.has(item)) continue;
      const line = document.createElement("div");
      line.append(span("name", item.name), span("figure", size(item.size)), span("figure", ""));
      line.firstChild.title = item.name;
      list.append(line);
      this.lines.set(item, line);
      this.fillLine(line, item);
    }
  }

  fillLine(line, item) {
    line.lastChild.textContent = say(WORDS[item.state]);
  }

  ended() {
    this.draw();
    this.drawList();
    this.part("finished").hidden = false;
    this.ask();
  }

  /** What the server made of the files that it has, until it has looked through all of them. */
  async ask() {
    if (this.asking) return;
    this.asking = 1;
    for (;;) {
      const now = await this.queue.ask("/state").catch(() => null);
      if (now) this.hear(now);
      if (now && !this.queue.isRunning && !now.progress.waiting) break;
      await new Promise((wake) => setTimeout(wake, ASKED_EVERY_MS));
    }
    this.asking = 0;
  }

  hear({ progress, refused, missing }) {
    this.part("missing").hidden = !missing.length;
    this.part("missing").textContent = missing.map((one) => `${one.name}: ${one.reason}`).join(" ");
    const dealt = progress.taken + progress.known + progress.left_out + progress.refused;
    const part = this.part("taken");
    part.hidden = false;
    const words = [say("{number} taken", { number: count(progress.taken, "file") })];
    if (progress.known) words.push(say("{number} here already", { number: number(progress.known) }));
    if (progress.left_out) words.push(say("{number} not needed", { number: number(progress.left_out) }));
    if (progress.refused) words.push(say("{number} refused", { number: number(progress.refused) }));
    const more = progress.waiting ? ` ${say("Still being looked through: {files}.", { files: count(progress.waiting, "file") })}` : "";
    part.textContent = dealt || more ? `${say("In this case so far: {what}.", { what: words.join(", ") })}${more}` : "";
    part.hidden = !part.textContent;
    for (const one of refused.reverse()) {
      if (!this.told.has(keyOf(one))) this.tell(one.name, "refused", one.reason, keyOf(one));
    }
  }

  tell(name, state, reason, key = `${name}\0${reason}`) {
    if (this.told.has(key)) return;
    const line = document.createElement("li");
    const chip = span(`chip chip-${state === "refused" ? "bad" : "warn"}`, say(state === "refused" ? "refused" : "not sent"));
    const text = document.createElement("span");
    const file = document.createElement("strong");
    file.textContent = name;
    text.append(file, ` ${said(reason)}`);
    line.append(chip, text);
    this.part("outcomes").append(line);
    this.told.set(key, line);
    const shown = [...this.told.values()].filter(Boolean).length;
    this.part("problems").hidden = false;
    this.part("problems-title").textContent = say("{files} not taken", { files: count(shown, "file") });
  }
}

const keyOf = (one) => `${one.name}\0${one.reason}`;

function span(name, text) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  return made;
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  // Without the library the plain form stays.
  if (window.tus) new Box(form);
}

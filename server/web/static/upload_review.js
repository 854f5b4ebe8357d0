// Before anything leaves: what will be taken out, which pictures may still show a name, what cannot be cleaned.

import { CannotClean, Cleaner } from "./upload_identity.js";
import { count, number, say } from "./upload_language.js";

const DOCUMENTS = [
  ["%PDF-", "pdf"],
  ["\xff\xd8\xff", "jpg"],
  ["\x89PNG", "png"],
  ["II*\0", "tif"],
  ["MM\0*", "tif"],
];

export class Review {
  constructor(part, base, send) {
    Object.assign(this, { part, base, send, turn: 0 });
    const can = Boolean(crypto.subtle && window.dicomParser);
    part("clean-part").hidden = !can;
    part("send-cleaned").addEventListener("click", () => this.finish());
    part("discard").addEventListener("click", () => this.close());
    for (const name of ["risky-too", "raw-too"]) part(name).addEventListener("change", () => this.say());
  }

  close() {
    this.turn += 1;
    this.part("review").hidden = true;
    this.part("drop").hidden = false;
    Object.assign(this, { clean: [], risky: [], raw: [], unclean: [] });
  }

  /** Look at every file and clean it once, to know what would leave. */
  async begin(files) {
    const turn = (this.turn += 1);
    Object.assign(this, { clean: [], risky: [], raw: [], unclean: [], removed: new Map() });
    this.part("drop").hidden = true;
    this.part("review").hidden = false;
    this.part("send-cleaned").disabled = true;
    this.part("review-title").textContent = say("Looking at what would leave this computer");
    this.part("review").focus();
    try {
      this.cleaner ??= new Cleaner(await this.fetchRules());
    } catch {
      this.part("review-title").textContent = say("The rules for cleaning could not be loaded");
      this.part("review-said").textContent = say("Nothing was sent. Check the line and choose the files again.");
      return;
    }
    let done = 0;
    for (const one of files) {
      if (turn !== this.turn) return;
      await this.look(one);
      done += 1;
      if (done % 20 === 0) this.part("review-said").textContent = say("{part} of {whole}", { part: number(done), whole: count(files.length, "file") });
    }
    this.part("review-title").textContent = say("This is what will leave this computer");
    this.say();
  }

  async fetchRules() {
    const answer = await fetch(`${this.base}/uploads/rules`, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  }

  async look({ file, path }) {
    const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 132).arrayBuffer().catch(() => new ArrayBuffer(0))));
    if (head.slice(128) !== "DICM") {
      const ending = DOCUMENTS.find(([magic]) => head.startsWith(magic))?.[1];
      if (ending) this.raw.push({ file, path, how: "raw", name: `document-${this.raw.length + 1}.${ending}` });
      else this.unclean.push([path, say(head.startsWith("PK") ? "A zip file or an office document cannot be cleaned here. Unpack it and choose the folder." : "It is not a DICOM file, and not sent.")]);
      return;
    }
    try {
      const { removed, risk, blob } = await this.cleaner.clean(file);
      for (const name of removed) this.removed.set(name, (this.removed.get(name) ?? 0) + 1);
      const place = this.clean.length + this.risky.length + 1;
      const item = { file: sized(file, blob.size), path, how: "cleaned", name: `image-${String(place).padStart(5, "0")}.dcm` };
      item.body = async () => (await this.cleaner.clean(file)).blob;
      if (risk) this.risky.push([item, risk]);
      else this.clean.push(item);
    } catch (problem) {
      this.unclean.push([path, say(problem instanceof CannotClean ? problem.message : "It cannot be read.")]);
    }
  }

  chosen() {
    const risky = this.part("risky-too").checked ? this.risky.map(([item]) => item) : [];
    return [...this.clean, ...risky, ...(this.part("raw-too").checked ? this.raw : [])];
  }

  say() {
    const files = this.chosen();
    this.part("review-said").textContent = say("{files} will be sent. Their names are left behind too.", { files: count(files.length, "file") });
    this.part("send-cleaned").textContent = files.length ? say("Send {files}", { files: count(files.length, "file") }) : say("Nothing to send");
    this.part("send-cleaned").disabled = !files.length;
    const removed = [...this.removed].sort((one, other) => other[1] - one[1]);
    this.part("removed-count").textContent = say("Taken out or replaced: {kinds} of information", { kinds: count(removed.length, "kind") });
    fill(this.part("removed"), removed.map(([name, times]) => `${name} (${number(times)})`));
    this.part("risky").hidden = !this.risky.length;
    this.part("risky-said").textContent = say("{pictures} may show who the patient is.", { pictures: count(this.risky.length, "picture") });
    this.part("risky-why").textContent = ` ${say("Text that is part of the picture cannot be taken out here: {why}.", { why: [...new Set(this.risky.map(([, why]) => say(why)))].join("; ") })}`;
    this.part("raw").hidden = !this.raw.length;
    this.part("raw-said").textContent = say("{documents} cannot be cleaned.", { documents: count(this.raw.length, "document") });
    this.part("unclean").hidden = !this.unclean.length;
    fill(this.part("unclean"), this.unclean.map(([path, why]) => `${path}: ${why}`));
    this.part("unclean-title").hidden = !this.unclean.length;
    this.part("unclean-title").textContent = say("{files} will not be sent", { files: count(this.unclean.length, "file") });
  }

  finish() {
    const files = this.chosen();
    this.part("review").hidden = true;
    this.part("drop").hidden = false;
    this.turn += 1;
    this.send(files);
  }
}

/** The file under the size of what is sent of it. */
function sized(file, bytes) {
  return { size: bytes, lastModified: file.lastModified, slice: (...range) => file.slice(...range) };
}

function fill(list, lines) {
  list.replaceChildren(
    ...lines.map((line) => {
      const made = document.createElement("li");
      made.textContent = line;
      return made;
    }),
  );
}

// Sends files beside each other by tus 1.0, and goes on after everything that can break a line.

import { markOf } from "./upload_files.js";
import { spoken } from "./upload_language.js";

const BESIDE_EACH_OTHER = 4;
// What came of a piece that breaks off is kept; a large one spares waiting for the server's disk.
const PIECE_BYTES = 512 * 1024 * 1024;
const AT_ONCE_BYTES = 2 * 1024 * 1024;
const WAITS_MS = [0, 1000, 2000, 4000, 8000, 15000, 30000];
// Files at least this large are asked about before they are sent, when their kind cannot be seen.
const GLANCE_FROM_BYTES = 256 * 1024;
const GLANCES_AT_ONCE = 100;
const HEAD_BYTES = 1024;
const FILE_COSTS_BYTES = 50000;
const RATE_OVER_MS = 8000;

/** A file on its way. `state` is waiting, active, held (until the server has a place), sent, before, refused, left_out, stopped. */
class Item {
  constructor({ file, path, how = "", name = path, body = null }) {
    Object.assign(this, { file, path, how, name, body });
    this.size = file.size;
    this.sent = 0;
    this.state = "waiting";
    this.reason = "";
    this.mark = "";
    this.upload = null;
  }
}

/** Sends items; `changed(item)` is called for each change, `trouble(said, remedy)` when all has to wait. */
export class Queue {
  constructor({ base, caseNumber, changed, trouble, ended }) {
    Object.assign(this, { base, caseNumber, changed, trouble, ended });
    this.items = [];
    this.waiting = [];
    this.adding = 0;
    this.active = new Set();
    this.known = null;
    this.paused = false;
    this.moments = [];
    this.moved = 0;
    addEventListener("online", () => this.again());
  }

  get totals() {
    const found = { files: this.items.length, bytes: 0, sent: 0, done: 0, before: 0, refused: 0, left_out: 0, stopped: 0 };
    for (const item of this.items) {
      found.bytes += item.size;
      if (item.state === "sent") found.done += 1;
      if (["before", "refused", "left_out", "stopped"].includes(item.state)) found[item.state] += 1;
      found.sent += ["waiting", "held", "active"].includes(item.state) ? item.sent : item.size;
    }
    return found;
  }

  get isRunning() {
    return this.active.size > 0 || this.waiting.length > 0;
  }

  /** Bytes a second over the last seconds, and the seconds that are left; 0 while nothing is known.
   * A small file takes as long as its request, so each counts for some bytes more than it has. */
  get pace() {
    const now = performance.now();
    const { bytes, sent, files } = this.totals;
    const over = files - this.waiting.length - this.active.size;
    const work = sent + over * FILE_COSTS_BYTES;
    this.moments.push([now, this.moved, work]);
    while (this.moments.length > 2 && now - this.moments[1][0] > RATE_OVER_MS) this.moments.shift();
    const [[since, moved, done]] = this.moments;
    if (now - since < 500 || work <= done) return { rate: 0, left: 0 };
    const rest = bytes + files * FILE_COSTS_BYTES - work;
    return { rate: ((this.moved - moved) * 1000) / (now - since), left: (rest * (now - since)) / (work - done) / 1000 };
  }

  async add(files) {
    const items = files.map((one) => new Item(one));
    this.items.push(...items);
    for (const item of items) this.changed(item);
    this.adding += 1;
    try {
      await this.recognise(items);
      const wanted = await this.glance(items.filter((item) => item.state === "waiting"));
      // Small files first: letters are here at once, and the rate of large ones settles.
      this.waiting.push(...wanted);
    } finally {
      this.adding -= 1;
    }
    this.next();
    if (!this.isRunning) this.ended();
  }

  /** What an earlier visit sent is not sent again, and what it began is taken up. */
  async recognise(items) {
    if (!this.known) {
      const said = await this.ask("/marks").catch(() => null);
      this.known = new Map();
      for (const one of said?.marks ?? []) {
        const before = this.known.get(one.fingerprint);
        if (!before || before.state === "receiving") this.known.set(one.fingerprint, one);
      }
    }
    for (const item of items) {
      item.mark = await markOf(item, this.caseNumber, item.how);
      const mark = this.known.get(item.mark);
      if (!mark) continue;
      if (mark.state === "receiving") item.url = `${this.base}/uploads/${mark.id}`;
      else this.settle(item, "before", "Sent before.");
    }
  }

  /** Leaves out large files whose first bytes say that they are not taken. */
  async glance(items) {
    const wanted = [];
    const doubtful = [];
    for (const item of items) {
      if (item.size < GLANCE_FROM_BYTES || item.body || item.url) {
        wanted.push(item);
        continue;
      }
      const head = new Uint8Array(await item.file.slice(0, HEAD_BYTES).arrayBuffer().catch(() => new ArrayBuffer(0)));
      const isKnown = (head[0] === 0x50 && head[1] === 0x4b) || String.fromCharCode(...head.slice(128, 132)) === "DICM";
      if (isKnown) wanted.push(item);
      else doubtful.push([item, head]);
    }
    while (doubtful.length) {
      const some = doubtful.splice(0, GLANCES_AT_ONCE);
      const files = some.map(([item, head]) => ({ name: item.name, size: item.size, head: btoa(String.fromCharCode(...head)) }));
      const said = await this.ask("/glance", { files }).catch(() => null);
      some.forEach(([item], place) => {
        const answer = said?.files[place];
        if (!answer || answer.send) wanted.push(item);
        else this.settle(item, answer.outcome, answer.reason);
      });
    }
    return wanted;
  }

  async ask(path, body) {
    const answer = await fetch(`${this.base}/uploads${path}?language=${spoken()}`, {
      method: body ? "POST" : "GET",
      headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
      cache: "no-store",
    });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  }

  next() {
    while (!this.paused && this.waiting.length && this.active.size < BESIDE_EACH_OTHER) {
      this.start(this.waiting.shift());
    }
  }

  async start(item) {
    item.state = "active";
    this.active.add(item);
    this.changed(item);
    let body;
    try {
      body = item.body ? await item.body() : item.file;
      item.size = body.size;
    } catch {
      this.settle(item, "refused", "The file cannot be read any more. Choose it again.");
      return;
    }
    if (item.state !== "active") return;
    item.upload = new tus.Upload(body, this.optionsOf(item));
    item.upload.start();
  }

  optionsOf(item) {
    let before = item.sent;
    return {
      endpoint: `${this.base}/uploads`,
      uploadUrl: item.url ?? null,
      uploadSize: item.size,
      chunkSize: PIECE_BYTES,
      // When a larger first piece breaks off, its address has to be known to go on from there.
      uploadDataDuringCreation: item.size <= AT_ONCE_BYTES,
      storeFingerprintForResuming: false,
      retryDelays: Array.from({ length: 10000 }, (_, turn) => WAITS_MS[Math.min(turn, WAITS_MS.length - 1)]),
      metadata: { filename: item.name.slice(-255), fingerprint: item.mark },
      headers: { Accept: "application/json" },
      onShouldRetry: (error) => this.mayRetry(item, error),
      onUploadUrlAvailable: () => (item.url = new URL(item.upload.url, location.href).pathname),
      onProgress: (sent) => {
        this.moved += Math.max(0, sent - before);
        before = sent;
        item.sent = sent;
        this.trouble("");
        this.changed(item);
      },
      onSuccess: () => this.settle(item, "sent"),
      onError: (error) => this.failed(item, error),
    };
  }

  mayRetry(item, error) {
    const status = error.originalResponse?.getStatus() ?? 0;
    if (status === 404 && item.url) return false;
    if ([409, 423, 460, 429].includes(status)) return true;
    if (status === 507 || (status >= 400 && status < 500)) return false;
    if (waitOf(error)) return false;
    this.trouble("The line is broken.", "What came is kept. It goes on by itself as soon as the line is back.");
    return true;
  }

  failed(item, error) {
    if (item.state !== "active") return;
    const status = error.originalResponse?.getStatus() ?? 0;
    const said = bodyOf(error);
    if (waitOf(error)) {
      this.later(item, waitOf(error));
    } else if (status === 404 && item.url) {
      // Its time was over: from the beginning.
      item.url = null;
      item.sent = 0;
      this.back(item);
    } else if (status === 401 || status === 403) {
      this.wait(item, "This visit has ended.", "Open the access link again and choose the same files: it goes on where it stopped.");
    } else if (status === 507) {
      this.wait(item, said?.message ?? "The server has no room.", said?.remedy ?? "");
    } else {
      this.settle(item, "refused", [said?.message, said?.remedy].filter(Boolean).join(" ") || "The file cannot be read any more. Choose it again.");
    }
  }

  /** The server has no place just now and says when to ask again; not all ask at the same moment. */
  later(item, seconds) {
    item.state = "held";
    item.upload = null;
    this.trouble("Others are sending just now.", "What came is kept. It goes on by itself in a moment.");
    setTimeout(() => {
      if (item.state === "held") this.back(item);
    }, seconds * 1000 * (1 + Math.random()));
  }

  wait(item, said, remedy) {
    this.pause(true);
    this.back(item);
    this.trouble(said, remedy);
  }

  back(item) {
    this.active.delete(item);
    item.state = "waiting";
    if (!this.waiting.includes(item)) this.waiting.unshift(item);
    this.changed(item);
    this.next();
  }

  settle(item, state, reason = "") {
    item.state = state;
    item.reason = reason;
    item.upload = null;
    if (state === "sent") this.known.set(item.mark, { state });
    this.active.delete(item);
    this.changed(item);
    this.next();
    // What is refused at a glance is not the end: the others have not begun.
    if (!this.isRunning && !this.adding) this.ended();
  }

  /** Small files that are under way come to their end, unless they `hang`: then they are sent anew. */
  pause(hang = false) {
    this.paused = true;
    this.moments = [];
    for (const item of [...this.active]) {
      if (!hang && item.state === "active" && item.size <= AT_ONCE_BYTES) continue;
      this.active.delete(item);
      item.upload?.abort().catch(() => {});
      item.state = "waiting";
      this.waiting.unshift(item);
      this.changed(item);
    }
  }

  resume() {
    this.paused = false;
    this.trouble("");
    this.next();
  }

  /** The line is back: nobody waits for the end of a delay. */
  again() {
    if (this.paused || !this.active.size) return;
    this.pause(true);
    this.resume();
  }

  stop() {
    this.pause();
    this.paused = false;
    for (const item of this.waiting.splice(0)) this.settle(item, "stopped", "Not sent: you stopped.");
    this.trouble("");
  }
}

/** After how many seconds a server that is full wants to be asked again; 0 for everything else. */
function waitOf(error) {
  if (bodyOf(error)?.code !== "no_place_free") return 0;
  return Number(error.originalResponse.getHeader("Retry-After")) || 1;
}

function bodyOf(error) {
  try {
    return JSON.parse(error.originalResponse.getBody()).error;
  } catch {
    return null;
  }
}

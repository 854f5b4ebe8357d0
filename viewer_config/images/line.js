// The line to the server: how many frames are asked for at once, and which comes next. Knows
// nothing of the viewer; `ask(frame)` fetches one.

// A frame of 180 kB takes 72 ms on 20 Mbit/s, and an answer is 150 ms away: four fill such a line as long as
// nothing else keeps the page busy (18.9 Mbit/s), five also then (19.96 Mbit/s). A browser opens six connections
// to a server over HTTP/1.1, and the frame somebody looks at must find one that is free.
const BEHIND = 5;
const IN_ALL = 6;

export class Line {
  #ask;
  #sources = [];
  #under_way = new Map();
  #urgent = [];
  #held = 0;

  constructor(ask) {
    this.#ask = ask;
  }

  /** A frame that somebody is looking at: goes before all others. A promise of what `ask` gives. */
  now(frame) {
    const begun = this.#under_way.get(frame);
    if (begun) {
      return begun;
    }
    const waiting = this.#urgent.find((one) => one.frame === frame);
    if (waiting) {
      return waiting.promise;
    }
    const entry = { frame };
    entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    this.#urgent.unshift(entry);
    this.go();
    return entry.promise;
  }

  /** Nobody looks at this frame any more; an answer on its way is let in. */
  notNow(frame) {
    const at = this.#urgent.findIndex((one) => one.frame === frame);
    if (at >= 0) {
      const [entry] = this.#urgent.splice(at, 1);
      entry.reject(new Passed());
    }
  }

  /** How many series are fetched in the background. */
  get sources() {
    return this.#sources.length;
  }

  /**
   * A series to fetch in the background: `next()` gives its next frame or null, `take(frame,
   * promise)` is handed the answer. Served in the order in which they were added, but for `raise`.
   */
  add(source) {
    this.#sources.push(source);
    this.go();
  }

  /** Serve this series first. */
  raise(source) {
    this.#sources = [source, ...this.#sources.filter((one) => one !== source)];
    this.go();
  }

  remove(source) {
    this.#sources = this.#sources.filter((one) => one !== source);
  }

  /** Nothing is fetched in the background until the returned function is called. */
  hold() {
    this.#held += 1;
    let held = true;
    return () => {
      if (held) {
        held = false;
        this.#held -= 1;
        this.go();
      }
    };
  }

  #begin(frame) {
    const promise = this.#ask(frame);
    this.#under_way.set(frame, promise);
    const done = () => {
      this.#under_way.delete(frame);
      this.go();
    };
    promise.then(done, done);
    return promise;
  }

  /** Ask for what may be asked for now. */
  go() {
    while (this.#urgent.length > 0 && this.#under_way.size < IN_ALL) {
      const entry = this.#urgent.shift();
      const begun = this.#under_way.get(entry.frame) ?? this.#begin(entry.frame);
      begun.then(entry.resolve, entry.reject);
    }
    while (this.#held === 0 && this.#under_way.size < BEHIND) {
      const found = this.#next();
      if (!found) {
        break;
      }
      found.source.take(found.frame, this.#begin(found.frame));
    }
  }

  #next() {
    for (const source of this.#sources) {
      let frame = source.next();
      while (frame && this.#under_way.has(frame)) {
        source.take(frame, this.#under_way.get(frame));
        frame = source.next();
      }
      if (frame) {
        return { source, frame };
      }
    }
    return null;
  }
}

/** A frame was scrolled past before it was asked for. */
export class Passed extends Error {}

/** The positions 0 to count - 1 from `from` outwards, what lies ahead first. Pure. */
export function* outwards(count, from, direction = 1) {
  const ahead = direction < 0 ? -1 : 1;
  for (let step = 0; step < count; step += 1) {
    const places = step === 0 ? [from] : [from + ahead * step, from - ahead * step];
    for (const place of places) {
      if (place >= 0 && place < count) {
        yield place;
      }
    }
  }
}

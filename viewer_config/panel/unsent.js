// What was entered and could not be saved because the access ended: kept in this browser until the
// same reviewer opens the same case again by a new link.

const KEPT_MS = 7 * 24 * 3600 * 1000;

/** `storage` is the browser's; one that is switched off or full keeps nothing, and breaks nothing. */
export class UnsentChanges {
  #storage;
  #now;

  constructor(storage = globalThis.localStorage, now = () => Date.now()) {
    this.#storage = storage;
    this.#now = now;
  }

  /** Keep these changes; true when they are kept. */
  keep(panel, changes) {
    try {
      const until = this.#now() + KEPT_MS;
      this.#storage.setItem(keyOf(panel), JSON.stringify({ changes, until }));
      return true;
    } catch {
      return false;
    }
  }

  /** What is kept for this reviewer on this case; an empty list when nothing is, or it is too old. */
  found(panel) {
    try {
      const kept = JSON.parse(this.#storage.getItem(keyOf(panel)) ?? "null");
      if (!kept || kept.until < this.#now()) {
        this.forget(panel);
        return [];
      }
      return kept.changes;
    } catch {
      return [];
    }
  }

  forget(panel) {
    try {
      this.#storage.removeItem(keyOf(panel));
    } catch {
      // Nothing was kept then.
    }
  }
}

const keyOf = (panel) => `margin-unsent ${panel.case.number} ${panel.me.name}`;

// When the document is sent, and what happens when that fails. Knows nothing of its content.

export const PAUSE_MS = 600;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30000;

const browserClock = (action, delayMs) => {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
};

/**
 * One document, sent at most once at a time.
 *
 * `send()` resolves to "saved", "again" (send once more now), "retry" (later, with back-off) or
 * "hold" (not before the next change) or "stop" (not until `resume`). Phases: idle, waiting,
 * saving, retrying, held, stopped.
 */
export class SaveQueue {
  #send;
  #onChange;
  #after;
  #cancel = () => {};
  #dirty = false;
  #failures = 0;
  phase = "idle";
  retryInMs = 0;

  constructor({ send, onChange = () => {}, after = browserClock }) {
    this.#send = send;
    this.#onChange = onChange;
    this.#after = after;
  }

  /** Whether something is not yet known to be saved. */
  get unsaved() {
    return this.#dirty || this.phase === "saving";
  }

  /** The document has changed; it is sent after a pause in typing. */
  touch() {
    this.#dirty = true;
    if (["idle", "waiting", "held"].includes(this.phase)) {
      this.#wait("waiting", PAUSE_MS);
    }
  }

  /**
   * The line is back: how long it was gone says nothing about the next attempt, so waiting starts
   * small again, also after an attempt that is under way and began before it came back.
   */
  reconnect() {
    this.#failures = 0;
    this.flush();
  }

  /** Send what is unsaved now: the field was left, the page is hidden. */
  flush() {
    if (this.#dirty && this.phase !== "saving" && this.phase !== "stopped") {
      this.#run();
    }
  }

  /** Start again after "stop". */
  resume() {
    if (this.phase === "stopped") {
      this.#enter("idle");
      this.#failures = 0;
      this.flush();
    }
  }

  /** Nothing is sent any more; `forget` when there is nothing left worth sending. */
  stop({ forget = false } = {}) {
    this.#cancel();
    this.#dirty = this.#dirty && !forget;
    this.#enter("stopped");
  }

  #enter(phase) {
    this.phase = phase;
    this.#onChange();
  }

  #wait(phase, delayMs) {
    this.#cancel();
    this.#cancel = this.#after(() => this.#run(), delayMs);
    this.#enter(phase);
  }

  async #run() {
    this.#cancel();
    this.#dirty = false;
    this.#enter("saving");
    let outcome;
    try {
      outcome = await this.#send();
    } catch {
      outcome = "retry";
    }
    if (this.phase !== "saving") {
      return;
    }
    this.#settle(outcome);
  }

  #settle(outcome) {
    if (outcome === "saved") {
      this.#failures = 0;
      if (this.#dirty) {
        this.#wait("waiting", 0);
      } else {
        this.#enter("idle");
      }
      return;
    }
    this.#dirty = true;
    if (outcome === "again") {
      this.#wait("waiting", 0);
    } else if (outcome === "stop") {
      this.#enter("stopped");
    } else if (outcome === "hold") {
      this.#enter("held");
    } else {
      this.retryInMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
      this.#failures += 1;
      this.#wait("retrying", this.retryInMs);
    }
  }
}

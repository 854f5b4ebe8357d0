// While the server gives no answer nothing is fetched behind what somebody looks at. All goes on when any
// frame comes, when the browser says that the line is back, and else after growing pauses.

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30000;

const browserClock = (action, delayMs) => {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
};

export class Outage {
  #hold;
  #goOn;
  #after;
  #release = null;
  #cancel = () => {};
  #pauses = 0;

  /** `hold()` stops what is fetched in the background and gives the way to release it; `goOn()` asks again. */
  constructor({ hold, goOn, after = browserClock }) {
    this.#hold = hold;
    this.#goOn = goOn;
    this.#after = after;
  }

  /** No answer came. */
  began() {
    if (this.#release) {
      return;
    }
    this.#release = this.#hold();
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#pauses, LONGEST_PAUSE_MS);
    this.#pauses += 1;
    this.#cancel = this.#after(() => this.#tryAgain(), pauseMs);
  }

  /** An answer came, or will: how long there was none says nothing about the next time. */
  ended() {
    this.#pauses = 0;
    if (this.#release) {
      this.#tryAgain();
    }
  }

  #tryAgain() {
    this.#cancel();
    const release = this.#release;
    this.#release = null;
    this.#goOn();
    release();
  }
}

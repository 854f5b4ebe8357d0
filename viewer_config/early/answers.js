// Answers that were asked for beforehand, given to whoever asks by XMLHttpRequest. Only a GET of
// exactly such an address is answered, once, and only shortly after the start: a question that OHIF
// repeats later goes to the server.

const KEPT_FOR_MS = 30000;

/** An address with its parameters in one order and one spelling. */
export function normal(url, base) {
  const address = new URL(url, base);
  const said = [...address.searchParams.entries()].map(([name, text]) => `${name}=${text}`);
  return `${address.pathname}?${said.sort().join("&")}`;
}

class Answers {
  #waiting = new Map();
  #base;

  constructor(base) {
    this.#base = base;
  }

  /** Ask now; the answer may be taken `times` times. */
  put(url, ask, accept, times = 1) {
    const answer = ask(url, accept).catch(() => null);
    const until = performance.now() + KEPT_FOR_MS;
    this.#waiting.set(normal(url, this.#base), { answer, times, until });
  }

  /** A promise of the answer, null for what was not asked for. */
  take(url) {
    const key = normal(url, this.#base);
    const found = this.#waiting.get(key);
    if (!found || performance.now() > found.until) {
      this.#waiting.delete(key);
      return null;
    }
    found.times -= 1;
    if (found.times === 0) {
      this.#waiting.delete(key);
    }
    return found.answer;
  }
}

const DONE = 4;

/** Puts itself before the window's XMLHttpRequest; the answers to fill. */
export function answerFrom(window) {
  const answers = new Answers(window.location.href);
  const Native = window.XMLHttpRequest;

  window.XMLHttpRequest = class extends Native {
    #waiting = null;
    #given = null;

    open(method, url, ...rest) {
      this.#given = null;
      this.#waiting = method.toUpperCase() === "GET" ? answers.take(url) : null;
      super.open(method, url, ...rest);
    }

    send(body) {
      if (this.#waiting === null) {
        super.send(body);
        return;
      }
      this.#waiting.then((answer) => {
        if (answer === null) {
          super.send(body);
          return;
        }
        this.#given = answer;
        const size = answer.body.byteLength;
        const told = { lengthComputable: true, loaded: size, total: size };
        this.dispatchEvent(new Event("readystatechange"));
        this.dispatchEvent(new ProgressEvent("progress", told));
        this.dispatchEvent(new ProgressEvent("load", told));
        this.dispatchEvent(new ProgressEvent("loadend", told));
      });
    }

    get readyState() {
      return this.#given ? DONE : super.readyState;
    }

    get status() {
      return this.#given ? 200 : super.status;
    }

    get statusText() {
      return this.#given ? "OK" : super.statusText;
    }

    get responseText() {
      return this.#given ? new TextDecoder().decode(this.#given.body) : super.responseText;
    }

    get response() {
      if (!this.#given) {
        return super.response;
      }
      if (this.responseType === "arraybuffer") {
        return this.#given.body.slice(0);
      }
      return this.responseType === "json" ? JSON.parse(this.responseText) : this.responseText;
    }

    getResponseHeader(name) {
      if (!this.#given) {
        return super.getResponseHeader(name);
      }
      return name.toLowerCase() === "content-type" ? this.#given.contentType : null;
    }

    getAllResponseHeaders() {
      return this.#given
        ? `content-type: ${this.#given.contentType}\r\n`
        : super.getAllResponseHeaders();
    }
  };
  return answers;
}

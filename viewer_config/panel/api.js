// The panel's JSON, below the launch's own address. The browser's cookie identifies the person.

const TIMEOUT_MS = 30000;

/** A refusal in the one shape every error has; `status` 0 when no answer came at all. */
export class ApiError extends Error {
  constructor(status, body) {
    const error = body?.error ?? {};
    super(error.message ?? (status ? `The server answered ${status}.` : "No answer from the server."));
    this.status = status;
    this.code = error.code ?? "";
    this.remedy = error.remedy ?? "";
    this.problems = error.problems ?? [];
    this.current = error.current ?? body?.current ?? null;
  }

  get accessEnded() {
    return this.status === 401 || this.status === 403;
  }
}

export function launchPath(pathname = window.location.pathname) {
  return /^\/r\/[A-Za-z0-9_-]+/.exec(pathname)?.[0] ?? "";
}

export class PanelApi {
  #root;

  constructor(root = `${launchPath()}/api`) {
    this.#root = root;
  }

  panel() {
    return this.#json("panel");
  }

  volumes() {
    return this.#json("volumes");
  }

  /** `version` is the one it was written over; `beside` holds `options` and `schema_version`. */
  save(answers, version, { keepalive = false, beside = {} } = {}) {
    return this.#json("annotation", {
      method: "PUT",
      body: JSON.stringify({ answers, version, ...beside }),
      keepalive,
    });
  }

  beginAmendment(reason) {
    return this.#json("amendment", { method: "POST", body: JSON.stringify({ reason }) });
  }

  discardAmendment(version) {
    return this.#json("amendment", { method: "DELETE", body: JSON.stringify({ version }) });
  }

  sign(version, verdict) {
    return this.#json("sign", { method: "POST", body: JSON.stringify({ version, verdict }) });
  }

  async preview() {
    const answer = await this.#ask("preview", { headers: { Accept: "text/html" } });
    return answer.text();
  }

  async #json(path, options = {}) {
    const answer = await this.#ask(path, options);
    return answer.json();
  }

  async #ask(path, options) {
    const headers = { Accept: "application/json", "X-Margin-Panel": "1", ...options.headers };
    if (options.body) {
      headers["Content-Type"] = "application/json";
    }
    const signal = options.keepalive ? undefined : AbortSignal.timeout(TIMEOUT_MS);
    let answer;
    try {
      answer = await fetch(`${this.#root}/${path}`, {
        ...options,
        headers,
        signal,
        credentials: "same-origin",
        cache: "no-store",
        redirect: "error",
      });
    } catch {
      throw new ApiError(0, null);
    }
    if (!answer.ok) {
      throw new ApiError(answer.status, await answer.json().catch(() => null));
    }
    return answer;
  }
}

// What the server is still at work on, asked for until it is there: an opinion that is issued, volumes
// that are measured.

const VOLUMES_POLL_MS = 3000;
const VOLUMES_WATCH_MS = 120000;
const OPINION_POLL_MS = 2000;

export class Awaited {
  #store;
  #api;
  #volumesUntil = 0;
  #volumesTimer = null;

  constructor(store, api) {
    this.#store = store;
    this.#api = api;
  }

  /** The case was read: go on asking for what was not there yet. */
  began({ opinion, volumes }) {
    if (opinion?.status === "issuing") {
      setTimeout(() => this.followOpinion(), OPINION_POLL_MS);
    }
    if (volumes.some((volume) => volume.state === "measuring")) {
      this.watchVolumes();
    }
  }

  /** Ask until the opinion has been issued. */
  async followOpinion() {
    try {
      const panel = await this.#api.panel();
      const opinion = panel.opinion ?? this.#store.state.opinion;
      this.#store.set({ opinion, signed: panel.annotation.signed });
    } catch {
      // Asked again below; the signature itself is already safe.
    }
    if (this.#store.state.opinion?.status === "issuing") {
      setTimeout(() => this.followOpinion(), OPINION_POLL_MS);
    }
  }

  /** Something was stored beside the images: look for new volumes for a while. */
  watchVolumes() {
    this.#volumesUntil = Date.now() + VOLUMES_WATCH_MS;
    clearTimeout(this.#volumesTimer);
    this.#pollVolumes();
  }

  async #pollVolumes() {
    try {
      const { volumes } = await this.#api.volumes();
      this.#store.set({ volumes });
    } catch {
      // The next poll tries again; volumes are never the only copy of anything.
    }
    const measuring = this.#store.state.volumes.some((volume) => volume.state === "measuring");
    if (measuring || Date.now() < this.#volumesUntil) {
      this.#volumesTimer = setTimeout(() => this.#pollVolumes(), VOLUMES_POLL_MS);
    }
  }
}

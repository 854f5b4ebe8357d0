// What was entered on its way to the server, and what becomes of it when it is refused: a version saved
// elsewhere, a signature, an access that ended, fields the server does not take. When it is sent is
// the queue's matter (`save.js`).
import { changesBetween, isAnswered, valueAt, withChanges, without } from "./answers.js";
import { SaveQueue } from "./save.js";
import { savedAs } from "./state.js";

export class Saving {
  #store;
  #api;
  #kept;
  #saved = {};

  /** `kept` holds what could not be saved over the end of an access; `after` is the queue's clock. */
  constructor(store, api, { after, kept }) {
    this.#store = store;
    this.#api = api;
    this.#kept = kept;
    this.queue = new SaveQueue({ send: () => this.#send(), onChange: () => store.set({}), after });
  }

  /** The case was read: what differs from `answers` is what is not saved. */
  began(answers) {
    this.#saved = answers;
  }

  async #send() {
    const { state } = this.#store;
    const sent = without(state.answers, [...state.refused.keys()]);
    const keepalive = globalThis.document?.visibilityState === "hidden";
    const beside = {
      options: state.options,
      schema_version: state.panel.form["x-margin"]?.schema_version,
    };
    try {
      const reply = await this.#api.save(sent, state.version, { keepalive, beside });
      this.#saved = sent;
      this.#store.set(savedAs(reply));
      this.#kept.forget(this.#store.state.panel);
      return "saved";
    } catch (error) {
      return this.#refusal(error, sent);
    }
  }

  #refusal(error, sent) {
    if (error.code === "annotation_changed_elsewhere" && error.current) {
      this.#store.set({ conflict: { current: error.current, mine: this.#unsaved() } });
      return "stop";
    }
    if (error.code === "signed_revision_is_final") {
      this.#store.set({ unsent: this.#unsaved() });
      this.queue.stop({ forget: true });
      this.#store.load();
      return "stop";
    }
    if (error.accessEnded) {
      this.#store.set({ ended: error });
      this.keepUnsent();
      return "stop";
    }
    if (error.status === 422) {
      return this.#refusedFields(error, sent);
    }
    const passing = error.status === 0 || error.status >= 500 || [408, 429].includes(error.status);
    this.#store.set({ complaint: error });
    return passing ? "retry" : "hold";
  }

  #refusedFields(error, sent) {
    const refused = new Map(this.#store.state.refused);
    const removable = error.problems.filter(
      ({ pointer }) => pointer !== "" && isAnswered(valueAt(sent, pointer)),
    );
    removable.forEach(({ pointer, message }) => refused.set(pointer, message));
    this.#store.set({ refused, complaint: removable.length > 0 ? null : error });
    return removable.length > 0 ? "again" : "hold";
  }

  #unsaved() {
    return changesBetween(this.#saved, this.#store.state.answers);
  }

  /** After "changed elsewhere": their version, with or without what is unsaved here. */
  resolveConflict({ keepMine }) {
    const { current, mine } = this.#store.state.conflict;
    const theirs = {
      options: current.options ?? {},
      ...{ refused: new Map(), unreadable: new Map(), undo: null },
    };
    this.#saved = current.answers;
    this.#store.set({
      answers: keepMine ? withChanges(current.answers, mine) : current.answers,
      version: current.version,
      conflict: null,
      ...(keepMine ? {} : theirs),
    });
    if (!keepMine) {
      this.queue.stop({ forget: true });
      this.#store.load();
    }
    this.queue.resume();
  }

  /** The access ended: what is not saved stays in this browser, for a new link. */
  keepUnsent() {
    const changes = this.#unsaved();
    const kept = changes.length > 0 && this.#kept.keep(this.#store.state.panel, changes);
    this.#store.set({ kept });
  }

  /** A new link after an access that ended: what was not saved then is entered again, and saved. */
  restoreUnsent() {
    const { state, mayWrite } = this.#store;
    const changes = mayWrite && !this.queue.unsaved ? this.#kept.found(state.panel) : [];
    if (changes.length > 0) {
      const answers = withChanges(state.answers, changes);
      this.#store.set({ answers, restored: changes.length });
      this.queue.touch();
    }
  }
}

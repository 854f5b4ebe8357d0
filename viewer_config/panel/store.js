// What the panel knows, and every way in which that changes.
import {
  changesBetween,
  isAnswered,
  valueAt,
  withChanges,
  withFieldEdited,
  withGroupAnswered,
  withRestAnswered,
  withTypedSource,
  withValue,
  withVolume,
  without,
} from "./answers.js";
import {
  drawnFor,
  subjectOf,
  withEvidence,
  withEvidencePruned,
  withoutSupport,
} from "./evidence.js";
import { isShown, modelOf, namesIn, pointerTo } from "./model.js";
import { SaveQueue } from "./save.js";
import { UnsentChanges } from "./unsent.js";
import { Viewer } from "./viewer.js";

const VOLUMES_POLL_MS = 3000;
const VOLUMES_WATCH_MS = 120000;
const OPINION_POLL_MS = 2000;

const NOTHING = {
  loading: true,
  failure: null,
  panel: null,
  model: null,
  answers: {},
  options: {},
  version: 0,
  prior: null,
  amendment: null,
  older: [],
  response: [],
  savedAt: null,
  signed: null,
  evaluations: [],
  differences: [],
  toSign: [],
  volumes: [],
  opinion: null,
  together: null,
  refused: new Map(),
  unreadable: new Map(),
  complaint: null,
  conflict: null,
  ended: null,
  kept: false,
  restored: 0,
  unsent: null,
  undo: null,
  drawing: null,
};

const covers = (a, b) => a === b || b.startsWith(`${a}/`);

export class PanelStore {
  #api;
  #saved = {};
  #listeners = new Set();
  #volumesUntil = 0;
  #volumesTimer = null;
  #following = null;
  #kept;
  state = NOTHING;

  /** `drawVolumes` starts a segmentation in the viewer; `after` replaces the clock in tests. */
  constructor(
    api,
    { drawVolumes = () => {}, after, viewer = new Viewer(), kept = new UnsentChanges() } = {},
  ) {
    this.#api = api;
    this.#kept = kept;
    this.viewer = viewer;
    this.drawVolumes = drawVolumes;
    // What is folded and open, kept here because OHIF takes the panel off the page and back.
    this.view = { folded: new Set(), open: new Set(), scrollTop: 0 };
    this.queue = new SaveQueue({ send: () => this.#send(), onChange: () => this.#tell(), after });
  }

  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get mayWrite() {
    const { panel, signed } = this.state;
    return Boolean(panel?.me.may.includes("annotate")) && !signed;
  }

  get mayAmend() {
    const { panel, signed } = this.state;
    const mine = signed && ["annotate", "sign"].every((permit) => panel?.me.may.includes(permit));
    return Boolean(mine) && signed.mine !== false;
  }

  get maySign() {
    return Boolean(this.state.panel?.me.may.includes("sign")) && this.mayWrite;
  }

  /** Read everything from the server; unsaved answers are kept when there are any. */
  async load() {
    this.#set({ loading: true, failure: null });
    try {
      this.#take(await this.#api.panel());
    } catch (error) {
      this.#set({ loading: false, failure: error });
    }
  }

  /** One field: its value, and what the schema says follows for its siblings. */
  edit(pointer, value) {
    const names = namesIn(pointer);
    const name = names.pop();
    const parentPointer = names.reduce(pointerTo, "");
    const group = this.state.model.at.get(parentPointer);
    const { fillable } = this.state.model;
    let answers;
    if (group) {
      const siblings = valueAt(this.state.answers, parentPointer);
      const edited = withFieldEdited(group, siblings, name, value);
      const empty = Object.keys(edited).length === 0;
      answers = withValue(this.state.answers, parentPointer, empty ? undefined : edited);
    } else {
      answers = withValue(this.state.answers, pointer, value);
    }
    this.#change(withTypedSource(answers, fillable, pointer), pointer);
  }

  /** Text that is no value: kept in sight at its field, and left out of what is sent. */
  reportUnreadable(pointer, text, problem) {
    const unreadable = new Map(this.state.unreadable).set(pointer, { text, problem });
    const answers = withValue(this.state.answers, pointer, undefined);
    this.#set({ answers, unreadable, refused: this.#refusedBut(pointer) });
    this.queue.touch();
  }

  /** A whole vessel replaced (`quick`), or taken back to "not answered" with undefined. */
  replace(pointer, value, label) {
    this.#change(withValue(this.state.answers, pointer, value), pointer, label);
  }

  answerRest(quick) {
    const { answers, model } = this.state;
    this.#change(withRestAnswered(answers, model.vessels, quick.value), "", quick.label);
  }

  applyVolume(volume) {
    const { answers, model } = this.state;
    const filled = withVolume(answers, model.fillable, volume);
    model.fillable.forEach((field) => this.#forgetProblems(field.pointer));
    this.#change(filled, "", "Volumes taken over");
  }

  answerGroupRest(group, quick) {
    const answers = withGroupAnswered(this.state.answers, group, quick.value);
    this.#change(answers, "", `${group.label}: ${quick.label}`);
  }

  /** What a value was seen on; undefined takes that away again. */
  bind(pointer, entry) {
    this.#change(withEvidence(this.state.answers, pointer, entry), pointer);
  }

  unbind(pointer) {
    this.bind(pointer, undefined);
  }

  /** A number read from a measurement, bound to it. */
  useMeasured(pointer, value, entry) {
    this.edit(pointer, value);
    this.bind(pointer, entry);
  }

  /** The next angle drawn on an image fills in this contact; null waits for none any more. */
  drawContact(pointer) {
    this.#set({ drawing: pointer });
    if (pointer) {
      this.viewer.drawAngle();
    } else {
      this.viewer.putToolAway();
    }
  }

  /** The smaller way round; the other one is offered beside it. Anything else drawn ends the wait. */
  #drawn(measurement) {
    const { drawing, model } = this.state;
    if (!drawing || !this.mayWrite) {
      return;
    }
    this.#set({ drawing: null });
    const found = drawnFor(model.at.get(drawing), measurement, this.viewer.placeOf(measurement));
    if (found) {
      this.viewer.putToolAway();
      this.useMeasured(drawing, found.value, found.entry);
    }
  }

  /** Draws again when the viewer's measurements change; marks the values of those deleted. */
  followViewer() {
    if (this.#following || !this.viewer.isThere) {
      return;
    }
    this.#following = this.viewer.follow({
      onChange: () => this.#tell(),
      onDrawn: (measurement) => this.#drawn(measurement),
      onGone: (uids) => this.#lostSupport(uids),
    });
  }

  #lostSupport(uids) {
    const answers = withoutSupport(this.state.answers, uids);
    if (answers !== this.state.answers && this.mayWrite) {
      this.#change(answers, "");
    }
  }

  /** What a set does where its sources disagree; kept with the answers. */
  choose(ruleset, name, value) {
    const { options } = this.state;
    this.#set({ options: { ...options, [ruleset]: { ...options[ruleset], [name]: value } } });
    this.queue.touch();
  }

  undo() {
    if (this.state.undo) {
      this.#change(this.state.undo.answers, "");
    }
  }

  /** After "changed elsewhere": their version, with or without what is unsaved here. */
  resolveConflict({ keepMine }) {
    const { current, mine } = this.state.conflict;
    const answers = keepMine ? withChanges(current.answers, mine) : current.answers;
    this.#saved = current.answers;
    this.#set({
      answers,
      version: current.version,
      ...(keepMine ? {} : { options: current.options ?? {} }),
      conflict: null,
      ...(keepMine ? {} : { refused: new Map(), unreadable: new Map(), undo: null }),
    });
    if (!keepMine) {
      this.queue.stop({ forget: true });
      this.load();
    }
    this.queue.resume();
  }

  tryAgain() {
    this.#set({ ended: null, complaint: null });
    if (!this.state.panel) {
      return this.load();
    }
    return this.queue.phase === "stopped" ? this.queue.resume() : this.queue.flush();
  }

  preview() {
    return this.#api.preview();
  }

  /** Sign what is saved. Throws ApiError; the caller shows it. */
  async sign(verdict) {
    const { signed, opinion, panel } = await this.#api.sign(this.state.version, verdict);
    this.queue.stop({ forget: true });
    const together = panel ?? null;
    if (together) {
      // A vote: no opinion follows from it alone.
      this.#set({ signed, together, opinion: opinion ?? null });
      return;
    }
    this.#set({ signed, opinion: opinion ?? { status: "issuing", href: "" } });
    this.followOpinion();
  }

  /** Open a new revision from the signed one. Throws ApiError; the caller shows it. */
  async beginAmendment(reason) {
    this.#take(await this.#api.beginAmendment(reason));
    this.queue.resume();
  }

  /** Throw the amendment away. Throws ApiError; the caller shows it. */
  async discardAmendment() {
    this.queue.stop({ forget: true });
    try {
      this.#take(await this.#api.discardAmendment(this.state.version));
    } catch (error) {
      this.queue.resume();
      throw error;
    }
  }

  /** Ask until the opinion has been issued. */
  async followOpinion() {
    try {
      const panel = await this.#api.panel();
      this.#set({ opinion: panel.opinion ?? this.state.opinion, signed: panel.annotation.signed });
    } catch {
      // Asked again below; the signature itself is already safe.
    }
    if (this.state.opinion?.status === "issuing") {
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
      this.#set({ volumes });
    } catch {
      // The next poll tries again; volumes are never the only copy of anything.
    }
    const measuring = this.state.volumes.some((volume) => volume.state === "measuring");
    if (measuring || Date.now() < this.#volumesUntil) {
      this.#volumesTimer = setTimeout(() => this.#pollVolumes(), VOLUMES_POLL_MS);
    }
  }

  #take(panel) {
    const { annotation } = panel;
    const keep = this.queue.unsaved && this.state.panel;
    this.#saved = keep ? this.#saved : annotation.answers;
    this.#set({
      loading: false,
      panel,
      model: modelOf(panel.form),
      answers: keep ? this.state.answers : annotation.answers,
      options: keep ? this.state.options : (annotation.options ?? {}),
      version: keep ? this.state.version : annotation.version,
      prior: panel.prior ?? null,
      amendment: panel.amendment ?? null,
      response: panel.response ?? [],
      older: annotation.older ?? [],
      savedAt: annotation.saved_at,
      signed: annotation.signed,
      evaluations: panel.evaluations,
      differences: panel.differences ?? [],
      toSign: panel.to_sign,
      volumes: panel.volumes,
      opinion: panel.opinion,
      together: panel.panel ?? null,
      ...(annotation.signed ? { refused: new Map(), unreadable: new Map(), undo: null } : {}),
    });
    this.#restoreUnsent();
    if (panel.opinion?.status === "issuing") {
      setTimeout(() => this.followOpinion(), OPINION_POLL_MS);
    }
    if (panel.volumes.some((volume) => volume.state === "measuring")) {
      this.watchVolumes();
    }
  }

  #change(changed, pointer, undoLabel = null) {
    const answers = withEvidencePruned(changed);
    const undo = undoLabel ? { label: undoLabel, answers: this.state.answers } : null;
    this.#forgetProblems(pointer);
    this.#set({ answers, undo, complaint: null });
    this.queue.touch();
    if (this.state.ended) {
      this.#keepUnsent();
    }
  }

  #forgetProblems(pointer) {
    const unreadable = new Map(this.state.unreadable);
    [...unreadable.keys()].filter((key) => covers(pointer, key)).forEach((key) => {
      unreadable.delete(key);
    });
    this.state = { ...this.state, unreadable, refused: this.#refusedBut(pointer) };
  }

  #refusedBut(pointer) {
    const related = (key) => covers(pointer, key) || covers(key, pointer);
    const refused = [...this.state.refused];
    return new Map(refused.filter(([key]) => !related(subjectOf(key) ?? key)));
  }

  async #send() {
    const sent = without(this.state.answers, [...this.state.refused.keys()]);
    const keepalive = globalThis.document?.visibilityState === "hidden";
    try {
      const { form } = this.state.panel;
      const beside = {
        options: this.state.options,
        schema_version: form["x-margin"]?.schema_version,
      };
      const reply = await this.#api.save(sent, this.state.version, { keepalive, beside });
      this.#saved = sent;
      this.#set({
        version: reply.version,
        savedAt: reply.saved_at,
        evaluations: reply.evaluations,
        differences: reply.differences ?? [],
        toSign: reply.to_sign,
        amendment: reply.amendment ?? null,
        response: reply.response ?? [],
        ended: null,
        kept: false,
        complaint: null,
      });
      this.#kept.forget(this.state.panel);
      return "saved";
    } catch (error) {
      return this.#refusal(error, sent);
    }
  }

  #refusal(error, sent) {
    if (error.code === "annotation_changed_elsewhere" && error.current) {
      const mine = changesBetween(this.#saved, this.state.answers);
      this.#set({ conflict: { current: error.current, mine } });
      return "stop";
    }
    if (error.code === "signed_revision_is_final") {
      this.#set({ unsent: changesBetween(this.#saved, this.state.answers) });
      this.queue.stop({ forget: true });
      this.load();
      return "stop";
    }
    if (error.accessEnded) {
      this.#set({ ended: error });
      this.#keepUnsent();
      return "stop";
    }
    if (error.status === 422) {
      return this.#refusedFields(error, sent);
    }
    const passing = error.status === 0 || error.status >= 500 || [408, 429].includes(error.status);
    this.#set({ complaint: error });
    return passing ? "retry" : "hold";
  }

  /** The access ended: what is not saved stays in this browser, for a new link. */
  #keepUnsent() {
    const changes = changesBetween(this.#saved, this.state.answers);
    this.#set({ kept: changes.length > 0 && this.#kept.keep(this.state.panel, changes) });
  }

  /** A new link after an access that ended: what was not saved then is entered again, and saved. */
  #restoreUnsent() {
    const changes = this.mayWrite && !this.queue.unsaved ? this.#kept.found(this.state.panel) : [];
    if (changes.length > 0) {
      this.#set({ answers: withChanges(this.state.answers, changes), restored: changes.length });
      this.queue.touch();
    }
  }

  #refusedFields(error, sent) {
    const refused = new Map(this.state.refused);
    const removable = error.problems.filter(
      ({ pointer }) => pointer !== "" && isAnswered(valueAt(sent, pointer)),
    );
    removable.forEach(({ pointer, message }) => refused.set(pointer, message));
    this.#set({ refused, complaint: removable.length > 0 ? null : error });
    return removable.length > 0 ? "again" : "hold";
  }

  #set(changes) {
    this.state = { ...this.state, ...changes };
    this.#tell();
  }

  #tell() {
    this.#listeners.forEach((listener) => listener());
  }
}

/** What stands at a field: unreadable text first, then the server's refusal. */
export function problemAt(state, pointer) {
  return state.unreadable.get(pointer)?.problem ?? state.refused.get(pointer) ?? null;
}

/** Fields of a group that are drawn, given the group's answers. */
export function shownChildren(group, siblings) {
  return group.children.filter((child) => isShown(child, siblings));
}

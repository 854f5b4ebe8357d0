// What the panel knows, and every way in which a person changes it. What is not a person's matter has a
// file of its own: `state.js` the shape, `saving.js` the way to the server, `awaited.js` what comes
// from there later, `binding.js` what values were seen on.
import {
  valueAt,
  withFieldEdited,
  withGroupAnswered,
  withRestAnswered,
  withTypedSource,
  withValue,
  withVolume,
} from "./answers.js";
import { Awaited } from "./awaited.js";
import { Binding } from "./binding.js";
import { withEvidencePruned } from "./evidence.js";
import { namesIn, pointerTo } from "./model.js";
import { Saving } from "./saving.js";
import { NOTHING, readFrom, refusedBut, withoutProblemsAt } from "./state.js";
import { UnsentChanges } from "./unsent.js";
import { Viewer } from "./viewer.js";

export class PanelStore {
  #api;
  #listeners = new Set();
  state = NOTHING;

  /** `drawVolumes` starts a segmentation in the viewer; `after` replaces the clock in tests. */
  constructor(
    api,
    { drawVolumes = () => {}, after, viewer = new Viewer(), kept = new UnsentChanges() } = {},
  ) {
    this.#api = api;
    this.viewer = viewer;
    this.drawVolumes = drawVolumes;
    // What is folded and open, kept here because OHIF takes the panel off the page and back.
    this.view = { folded: new Set(), open: new Set(), scrollTop: 0 };
    this.saving = new Saving(this, api, { after, kept });
    this.awaited = new Awaited(this, api);
    this.binding = new Binding(this, viewer);
  }

  /** When what was entered is sent, and whether anything waits to be. */
  get queue() {
    return this.saving.queue;
  }

  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Part of the state replaced, and told to everybody who listens. */
  set(changes) {
    this.state = { ...this.state, ...changes };
    this.#listeners.forEach((listener) => listener());
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
    this.set({ loading: true, failure: null });
    try {
      this.#take(await this.#api.panel());
    } catch (error) {
      this.set({ loading: false, failure: error });
    }
  }

  #take(panel) {
    const unsaved = this.queue.unsaved && this.state.panel ? this.state : null;
    if (!unsaved) {
      this.saving.began(panel.annotation.answers);
    }
    this.set(readFrom(panel, unsaved));
    this.saving.restoreUnsent();
    this.awaited.began(panel);
  }

  tryAgain() {
    this.set({ ended: null, complaint: null });
    if (!this.state.panel) {
      return this.load();
    }
    return this.queue.phase === "stopped" ? this.queue.resume() : this.queue.flush();
  }

  // ---- answers

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
    this.change(withTypedSource(answers, fillable, pointer), pointer);
  }

  /** Text that is no value: kept in sight at its field, and left out of what is sent. */
  reportUnreadable(pointer, text, problem) {
    const unreadable = new Map(this.state.unreadable).set(pointer, { text, problem });
    const answers = withValue(this.state.answers, pointer, undefined);
    this.set({ answers, unreadable, refused: refusedBut(this.state, pointer) });
    this.queue.touch();
  }

  /** A whole vessel replaced (`quick`), or taken back to "not answered" with undefined. */
  replace(pointer, value, label) {
    this.change(withValue(this.state.answers, pointer, value), pointer, label);
  }

  answerRest(quick) {
    const { answers, model } = this.state;
    this.change(withRestAnswered(answers, model.vessels, quick.value), "", quick.label);
  }

  answerGroupRest(group, quick) {
    const answers = withGroupAnswered(this.state.answers, group, quick.value);
    this.change(answers, "", `${group.label}: ${quick.label}`);
  }

  applyVolume(volume) {
    const { answers, model } = this.state;
    this.change(withVolume(answers, model.fillable, volume), "", "Volumes taken over");
  }

  /** What a set does where its sources disagree; kept with the answers. */
  choose(ruleset, name, value) {
    const { options } = this.state;
    this.set({ options: { ...options, [ruleset]: { ...options[ruleset], [name]: value } } });
    this.queue.touch();
  }

  undo() {
    if (this.state.undo) {
      this.change(this.state.undo.answers, "");
    }
  }

  /** The answers after a change at `pointer` ("" for any): on the screen now, saved in a moment. */
  change(changed, pointer, undoLabel = null) {
    const undo = undoLabel ? { label: undoLabel, answers: this.state.answers } : null;
    const problems = withoutProblemsAt(this.state, pointer);
    this.set({ ...problems, answers: withEvidencePruned(changed), undo, complaint: null });
    this.queue.touch();
    if (this.state.ended) {
      this.saving.keepUnsent();
    }
  }

  // ---- the opinion

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
      this.set({ signed, together, opinion: opinion ?? null });
      return;
    }
    this.set({ signed, opinion: opinion ?? { status: "issuing", href: "" } });
    this.awaited.followOpinion();
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
}

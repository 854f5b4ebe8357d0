// Values bound to what they were seen on, as that changes: bound and unbound by hand, filled in by what is
// drawn on the image, and left without support when a measurement is deleted in the viewer.
import { drawnFor, withEvidence, withoutSupport } from "./evidence.js";

export class Binding {
  #store;
  #viewer;
  #following = null;

  constructor(store, viewer) {
    this.#store = store;
    this.#viewer = viewer;
  }

  /** What a value was seen on; undefined takes that away again. */
  bind(pointer, entry) {
    this.#store.change(withEvidence(this.#store.state.answers, pointer, entry), pointer);
  }

  unbind(pointer) {
    this.bind(pointer, undefined);
  }

  /** A number read from a measurement, bound to it. */
  useMeasured(pointer, value, entry) {
    this.#store.edit(pointer, value);
    this.bind(pointer, entry);
  }

  /** The next angle drawn on an image fills in this contact; null waits for none any more. */
  drawContact(pointer) {
    this.#store.set({ drawing: pointer });
    if (pointer) {
      this.#viewer.drawAngle();
    } else {
      this.#viewer.putToolAway();
    }
  }

  /** The smaller way round; the other one is offered beside it. Anything else drawn ends the wait. */
  #drawn(measurement) {
    const { drawing, model } = this.#store.state;
    if (!drawing || !this.#store.mayWrite) {
      return;
    }
    this.#store.set({ drawing: null });
    const found = drawnFor(model.at.get(drawing), measurement, this.#viewer.placeOf(measurement));
    if (found) {
      this.#viewer.putToolAway();
      this.useMeasured(drawing, found.value, found.entry);
    }
  }

  /** Draws again when the viewer's measurements change; marks the values of those deleted. */
  followViewer() {
    if (this.#following || !this.#viewer.isThere) {
      return;
    }
    this.#following = this.#viewer.follow({
      onChange: () => this.#store.set({}),
      onDrawn: (measurement) => this.#drawn(measurement),
      onGone: (uids) => this.#lostSupport(uids),
    });
  }

  #lostSupport(uids) {
    const { state, mayWrite } = this.#store;
    const answers = withoutSupport(state.answers, uids);
    if (answers !== state.answers && mayWrite) {
      this.#store.change(answers, "");
    }
  }
}

// The custom element in which the panel lives. OHIF puts it on the page and takes it off again
// with every change of tab; what was entered belongs to the store, which outlives both.
import { PanelApi } from "./api.js";
import { drawVolumes } from "./drawing.js";
import { html, render } from "./html.js";
import { ELEMENT_NAME } from "./name.js";
import { Panel } from "./panel.js";
import { PanelStore } from "./store.js";

// A study's series are added one by one: they are looked at together.
const SERIES_TOGETHER_MS = 1000;

const KEY_EVENTS = ["keydown", "keypress", "keyup"];

function followPage(store) {
  const flush = () => store.queue.flush();
  document.addEventListener("visibilitychange", flush);
  window.addEventListener("pagehide", flush);
  window.addEventListener("online", () => store.queue.reconnect());
  window.addEventListener("beforeunload", (event) => {
    const { refused, unreadable } = store.state;
    if (store.queue.unsaved || refused.size + unreadable.size > 0) {
      flush();
      event.preventDefault();
    }
  });
}

/** Registers the element; `viewer` is what OHIF hands to an extension. */
export function definePanelElement(viewer) {
  if (customElements.get(ELEMENT_NAME)) {
    return;
  }
  const store = new PanelStore(new PanelApi(), { drawVolumes: () => drawVolumes(viewer) });
  followPage(store);
  store.load();
  const { displaySetService } = viewer.services;
  let waiting = null;
  displaySetService.subscribe(displaySetService.EVENTS.DISPLAY_SETS_ADDED, (event) => {
    // Volumes are measured from segmentations, and only a new one can bring new volumes.
    const added = event?.displaySetsAdded ?? [];
    if (store.state.panel && added.some((one) => one.Modality === "SEG")) {
      clearTimeout(waiting);
      waiting = setTimeout(() => store.awaited.watchVolumes(), SERIES_TOGETHER_MS);
    }
  });

  class ResectabilityPanel extends HTMLElement {
    connectedCallback() {
      // Keys pressed here write an answer or turn a dial; OHIF's shortcuts must not hear them.
      KEY_EVENTS.forEach((kind) => this.addEventListener(kind, this.#keep));
      render(html`<${Panel} store=${store} />`, this);
    }

    disconnectedCallback() {
      KEY_EVENTS.forEach((kind) => this.removeEventListener(kind, this.#keep));
      store.queue.flush();
      render(null, this);
    }

    #keep = (event) => event.stopPropagation();
  }
  customElements.define(ELEMENT_NAME, ResectabilityPanel);
}

// The way to the questions of the case, with the image that is on the screen.
import { launchPath } from "./api.js";
import { questionsAddress } from "./asked.js";
import { html } from "./html.js";

/** Opens the questions beside the viewer, so that nothing here is lost. */
export function Ask({ store }) {
  if (!store.mayWrite) {
    return null;
  }
  const ask = () => {
    const shown = store.viewer.isThere ? store.viewer.shown() : null;
    window.open(questionsAddress(launchPath(), shown), "_blank", "noopener");
  };
  return html`<button type="button" class="mgn-link mgn-small" onClick=${ask}>
    Ask about this image
  </button>`;
}

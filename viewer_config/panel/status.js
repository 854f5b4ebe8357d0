// One line that always says whether the work is safe, and what to do when it is not.
import { html, useLayoutEffect, useState } from "./html.js";

export function timeOf(iso) {
  const at = new Date(iso);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function dayAndTimeOf(iso) {
  const at = new Date(iso);
  const two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${timeOf(iso)}`;
}

/** Why nothing is saved any more, as the server says it; a page of its own cannot. */
function endedWords(ended) {
  const said = ended.message || "your access has ended.";
  return said.endsWith(".") ? said : `${said}.`;
}

/** `{tone, text}` for the state of the panel and its queue; tone: calm, busy or bad. */
export function statusOf(state, queue) {
  if (state.ended) {
    const kept = state.kept
      ? " What you entered is kept in this browser and comes back when you open a new link here."
      : "";
    return { tone: "bad", text: `Not saved: ${endedWords(state.ended)}${kept}` };
  }
  if (state.conflict) {
    return { tone: "bad", text: "Not saved: this annotation was changed elsewhere." };
  }
  if (queue.phase === "saving" || queue.phase === "waiting") {
    return { tone: "busy", text: "Saving…" };
  }
  if (queue.phase === "retrying") {
    const wait = Math.round(queue.retryInMs / 1000);
    const why = state.complaint?.message ?? "no answer";
    return { tone: "bad", text: `Not saved: ${why} Retrying in ${wait} s.` };
  }
  if (queue.phase === "held") {
    return { tone: "bad", text: `Not saved: ${state.complaint?.message ?? "refused."}` };
  }
  const kept = state.refused.size + state.unreadable.size;
  const saved = state.savedAt ? `Saved ${timeOf(state.savedAt)}` : "Nothing entered yet";
  if (kept > 0) {
    const fields = kept === 1 ? "1 field that was refused" : `${kept} fields that were refused`;
    return { tone: "bad", text: `${saved}, without ${fields}` };
  }
  return { tone: "calm", text: saved };
}

/** Screen readers hear of trouble at once, and of routine saves not at all. */
export function StatusLine({ store }) {
  const { tone, text } = statusOf(store.state, store.queue);
  const stuck = ["stopped", "held", "retrying"].includes(store.queue.phase);
  const { ended, complaint, undo, conflict, restored } = store.state;
  const remedy = ended?.remedy || complaint?.remedy;
  return html`
    <div
      class=${`mgn-status mgn-status-${tone}`}
      role="region"
      aria-label="Whether it is saved"
      data-status=${tone}
    >
      <p role=${tone === "bad" ? "alert" : undefined}>${text}</p>
      ${stuck &&
      !conflict &&
      store.mayWrite &&
      html`<button type="button" class="mgn-link" onClick=${() => store.tryAgain()}>
        Try now
      </button>`}
      ${undo &&
      store.mayWrite &&
      html`<button type="button" class="mgn-link" onClick=${() => store.undo()}>
        Undo: ${undo.label}
      </button>`}
      ${restored > 0 &&
      html`<p class="mgn-small" role="status">
        ${restored === 1 ? "1 answer" : `${restored} answers`} that could not be saved when your access
        ended ${restored === 1 ? "is" : "are"} back.
      </p>`}
      ${remedy && html`<p class="mgn-small">${remedy}</p>`}
    </div>
  `;
}

/** Draw again whenever the store changes; at once, because an answer may come before the first frame. */
export function useStore(store) {
  const [, redraw] = useState(0);
  useLayoutEffect(() => store.subscribe(() => redraw((count) => count + 1)), [store]);
}

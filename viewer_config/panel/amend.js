// Amending a signed opinion: the reason first, then what differs from what was signed, in words.
import { priorName } from "./compare.js";
import { html, useEffect, useRef, useState } from "./html.js";

const LONGEST_REASON = 2000;

/** Before and after, the values of one vessel or group under its name. */
export function grouped(changes) {
  const places = new Map();
  changes.forEach((change) => {
    places.set(change.place, [...(places.get(change.place) ?? []), change]);
  });
  return [...places];
}

function Changes({ model, changes, onJump }) {
  return html`<dl class="mgn-altered">
    ${grouped(changes).map(
      ([place, values]) => html`<dt>${place}</dt>
        ${values.map(
          (one) => html`<dd>
            ${model.at.has(one.pointer)
              ? html`<button type="button" class="mgn-link" onClick=${() => onJump(one.pointer)}>
                  ${one.label}
                </button>`
              : one.label}: <del>${one.before}</del> <span aria-hidden="true">→</span>
            <ins>${one.after}</ins>
          </dd>`,
        )}`,
    )}
  </dl>`;
}

/** While an amendment is written: which revision it replaces, why, and what it changes so far. */
export function AmendmentNotice({ store, onJump }) {
  const { amendment, model, signed } = store.state;
  const [failure, setFailure] = useState(null);
  if (!amendment) {
    return null;
  }
  const count = amendment.changes.length;
  const discard = () => store.discardAmendment().catch(setFailure);
  return html`
    <details class="mgn-amendment" open=${count > 0}>
      <summary>
        <h2>${signed ? "Amended" : "Amendment"}, replaces revision ${amendment.amends}</h2>
        <span class="mgn-counts">
          ${count === 0 ? "nothing changed yet" : count === 1 ? "1 change" : `${count} changes`}
        </span>
      </summary>
      <p>Because: ${amendment.reason}</p>
      ${count > 0 &&
      html`<${Changes} model=${model} changes=${amendment.changes} onJump=${onJump} />`}
      ${store.maySign &&
      html`<p class="mgn-small">
        Revision ${amendment.amends} stands until this one is signed.
        <button type="button" class="mgn-link" onClick=${discard}>Discard the amendment</button>
      </p>`}
      ${failure &&
      html`<p class="mgn-problem" role="alert">${failure.message} ${failure.remedy}</p>`}
    </details>
  `;
}

/** One line that says with what the values are compared. */
export function PriorLine({ store }) {
  const { prior, amendment } = store.state;
  if (!prior || amendment) {
    return null;
  }
  return html`<p class="mgn-prior-line">
    Beside each value: what was signed as <b>${priorName(prior)}</b>.
  </p>`;
}

/** What an older form asked and this one does not: still to be read. */
export function Older({ store }) {
  const { older } = store.state;
  return older.length === 0
    ? null
    : html`<section class="mgn-notice">
        <h2>Recorded in an older form</h2>
        <ul class="mgn-changes">
          ${older.map((one) => html`<li>${one.pointer}: <b>${one.text}</b></li>`)}
        </ul>
        <p class="mgn-small">This form no longer asks for it. It stays in what was signed.</p>
      </section>`;
}

/** Asks why before anything can be changed. */
export function AmendDialog({ store, onClose }) {
  const dialog = useRef(null);
  const [reason, setReason] = useState("");
  const [failure, setFailure] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  // Closed and not only taken away, so that the focus returns to where it came from.
  const close = () => dialog.current?.close();
  const begin = async (event) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      await store.beginAmendment(reason);
      close();
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };
  return html`
    <dialog
      ref=${dialog}
      class="mgn-dialog mgn-dialog-small"
      aria-labelledby="mgn-amend-title"
      onClose=${onClose}
    >
      <header>
        <h2 id="mgn-amend-title">Amend the opinion on ${store.state.panel.case.number}</h2>
        <button type="button" class="mgn-clear" aria-label="Close" onClick=${close}>×</button>
      </header>
      <form class="mgn-restate" onSubmit=${begin}>
        <p>
          What you signed stays as it is. A new revision begins with its answers; once you sign that
          one, the hospital gets a new opinion that says what it replaces, why, and what changed.
        </p>
        <label for="mgn-amend-reason">Why is the opinion amended?</label>
        <textarea
          id="mgn-amend-reason"
          rows="3"
          maxlength=${LONGEST_REASON}
          value=${reason}
          onInput=${(event) => setReason(event.currentTarget.value)}
        ></textarea>
        ${failure &&
        html`<div class="mgn-problem" role="alert">
          ${failure.message} ${failure.remedy}
          ${failure.problems.map((problem) => html`<p>${problem.message}</p>`)}
        </div>`}
        <button
          type="submit"
          class="mgn-action mgn-action-sign"
          disabled=${busy || reason.trim() === ""}
        >
          ${busy ? "Opening…" : "Begin the amendment"}
        </button>
      </form>
    </dialog>
  `;
}

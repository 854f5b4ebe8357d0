// Signing: what is still open, what will be sent, and the verdict said once more.
import { html, useEffect, useRef, useState } from "./html.js";
import { dayAndTimeOf } from "./status.js";

function Open({ toSign, onJump }) {
  return html`
    <p>Still needed before signing; a finding may also be said to be not assessed:</p>
    <ul class="mgn-open-list">
      ${toSign.map(
        (problem) => html`<li>
          <button type="button" class="mgn-link" onClick=${() => onJump(problem.pointer)}>
            ${problem.message}
          </button>
        </li>`,
      )}
    </ul>
  `;
}

function Preview({ store }) {
  const [page, setPage] = useState({ text: null, failure: null });
  useEffect(() => {
    let wanted = true;
    store.preview().then(
      (text) => wanted && setPage({ text, failure: null }),
      (failure) => wanted && setPage({ text: null, failure }),
    );
    return () => {
      wanted = false;
    };
  }, [store]);
  if (page.failure) {
    return html`<p class="mgn-problem" role="alert">
      The preview could not be made: ${page.failure.message}
    </p>`;
  }
  return page.text === null
    ? html`<p class="mgn-hint">Writing the preview…</p>`
    : html`<iframe class="mgn-preview" sandbox="" srcdoc=${page.text} title="The opinion as it will be sent" />`;
}

function Restate({ store, onDone }) {
  const [chosen, setChosen] = useState("");
  const [failure, setFailure] = useState(null);
  const [busy, setBusy] = useState(false);
  const verdict = store.state.model.at.get("/verdict");
  const inPanel = Boolean(store.state.together);
  const sign = async (event) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      await store.sign(chosen);
      onDone();
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return html`
    <form class="mgn-restate" onSubmit=${sign}>
      <label for="mgn-restated">State your verdict again to sign</label>
      <select
        id="mgn-restated"
        value=${chosen}
        onChange=${(event) => setChosen(event.currentTarget.value)}
      >
        <option value="">choose the verdict</option>
        ${verdict?.allOptions.map(
          (option) => html`<option value=${option.value}>${option.label}</option>`,
        )}
      </select>
      ${failure &&
      html`<div class="mgn-problem" role="alert">
        ${failure.message} ${failure.remedy}
        ${failure.problems.map((problem) => html`<p>${problem.message}</p>`)}
      </div>`}
      <p class="mgn-small">
        ${inPanel
          ? "What you sign is your vote. It is final, and nobody sees it before all have voted."
          : "A signed revision is final. The opinion is sent to the hospital as the preview shows it, and stored beside the images."}
      </p>
      <button type="submit" class="mgn-action mgn-action-sign" disabled=${!chosen || busy}>
        ${busy ? "Signing…" : `Sign as ${store.state.panel.me.name}`}
      </button>
    </form>
  `;
}

export function SignDialog({ store, onClose, onJump }) {
  const dialog = useRef(null);
  useEffect(() => {
    dialog.current.showModal();
    store.queue.flush();
  }, [store]);
  const { toSign } = store.state;
  const unsaved = store.queue.unsaved || store.state.refused.size + store.state.unreadable.size > 0;
  // A dialogue that is closed gives the focus back to where it came from; one that is only taken away
  // does not.
  const close = () => dialog.current?.close();
  const jump = (pointer) => {
    close();
    onJump(pointer);
  };
  return html`
    <dialog
      ref=${dialog}
      class=${`mgn-dialog ${toSign.length > 0 || unsaved ? "mgn-dialog-small" : ""}`}
      aria-labelledby="mgn-sign-title"
      onClose=${onClose}
    >
      <header>
        <h2 id="mgn-sign-title">
          Sign ${store.state.together ? "your vote" : "the opinion"} on ${store.state.panel.case.number}
        </h2>
        <button type="button" class="mgn-clear" aria-label="Close" onClick=${close}>×</button>
      </header>
      ${toSign.length > 0 && html`<${Open} toSign=${toSign} onJump=${jump} />`}
      ${toSign.length === 0 &&
      unsaved &&
      html`<p class="mgn-problem" role="status">
        Something is not saved yet. Signing waits until the status line says “Saved”, with no field
        refused.
      </p>`}
      ${toSign.length === 0 &&
      !unsaved &&
      html`
        <${Preview} store=${store} />
        <${Restate} store=${store} onDone=${close} />
      `}
    </dialog>
  `;
}

/** Which revision was signed, what was looked at, and the beginning of its link in the chain. */
function signedWords({ revision, imaging, sha256 }) {
  const looked = imaging.images > 0 && `on ${imaging.series} series with ${imaging.images} images`;
  const sealed = sha256 && `SHA-256 ${sha256.slice(0, 12)}…`;
  return [`Revision ${revision}`, looked, sealed].filter(Boolean).join(", ");
}

/** The foot of the panel: the way to sign, or who signed and what became of the opinion. */
export function SignFoot({ store, onSign, onAmend, onJump }) {
  const { signed, opinion, toSign, model, together } = store.state;
  if (signed && together?.state !== "concluded" && together?.voted) {
    return html`
      <footer class="mgn-foot mgn-foot-signed">
        <p><b>Your vote is in</b>, ${dayAndTimeOf(signed.at)}</p>
        <p aria-live="polite">${together.says}</p>
        <p><a href=${together.href}>The panel: ${together.votes} of ${together.wanted} votes</a></p>
      </footer>
    `;
  }
  if (together?.concludes && !signed) {
    return html`
      <footer class="mgn-foot">
        <p class="mgn-small">${together.says}</p>
        <p><a class="mgn-action mgn-action-sign" href=${together.href}>Write the conclusion</a></p>
      </footer>
    `;
  }
  if (signed) {
    const verdict = model.at.get("/verdict");
    const words = verdict?.allOptions.find((option) => option.value === signed.verdict)?.label;
    return html`
      <footer class="mgn-foot mgn-foot-signed">
        <p><b>Signed</b> by ${signed.by}, ${dayAndTimeOf(signed.at)}</p>
        <p>${words ?? signed.verdict}</p>
        <p class="mgn-small" title=${`SHA-256 ${signed.sha256}`}>${signedWords(signed)}</p>
        <p aria-live="polite">
          ${opinion?.status === "issued" && !opinion.href &&
          "The opinion was issued to the hospital."}
          ${opinion?.status === "issued" && opinion.href &&
          html`<a href=${opinion.href} target="_blank" rel="noopener">Open the opinion (PDF)</a>`}
          ${opinion?.status === "issuing" && "The opinion is being issued…"}
        </p>
        ${store.mayAmend &&
        html`<p>
          <button type="button" class="mgn-link" onClick=${onAmend}>Amend the opinion…</button>
        </p>`}
      </footer>
    `;
  }
  if (!store.maySign) {
    return html`<footer class="mgn-foot">
      <p class="mgn-small">
        ${store.mayWrite ? "Your access does not include signing." : "Your access is to read only."}
      </p>
    </footer>`;
  }
  const open = toSign.length;
  return html`
    <footer class="mgn-foot">
      <button type="button" class="mgn-action mgn-action-sign" onClick=${onSign}>Sign…</button>
      ${open === 0
        ? html`<p class="mgn-small">Ready to sign</p>`
        : html`<button
            type="button"
            class="mgn-link mgn-next"
            title=${toSign[0].message}
            onClick=${() => onJump(toSign[0].pointer)}
          >
            ${open === 1 ? "1 answer still open" : `${open} answers still open`}: next
          </button>`}
    </footer>
  `;
}

// The whole panel, from the case at the top to the signature at the bottom.
import { Conflict, Unsent } from "./conflict.js";
import { Criteria } from "./criteria.js";
import { Form } from "./form.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { homeOf } from "./model.js";
import { SignDialog, SignFoot } from "./sign.js";
import { StatusLine, useStore } from "./status.js";

function toggled(set, item) {
  const next = new Set(set);
  if (!next.delete(item)) {
    next.add(item);
  }
  return next;
}

/** What is folded and open, and the way to a field wherever it is hidden. */
function useView(store, root) {
  const [folded, setFolded] = useState(store.view.folded);
  const [open, setOpen] = useState(store.view.open);
  const [target, setTarget] = useState(null);
  useEffect(() => {
    Object.assign(store.view, { folded, open });
  }, [folded, open]);
  useEffect(() => {
    if (!target) {
      return;
    }
    const quoted = CSS.escape(target.pointer);
    const place =
      root.current.querySelector(`[data-pointer="${quoted}"]`) ??
      root.current.querySelector(`[data-vessel="${quoted}"]`);
    const control = place?.matches("input, select, textarea, button")
      ? place
      : place?.querySelector("input, select, button");
    const folded = place?.closest("details");
    if (folded) {
      folded.open = true;
    }
    place?.scrollIntoView({ block: "center" });
    control?.focus({ preventScroll: true });
    setTarget(null);
  }, [target]);
  const jump = (pointer) => {
    const { model } = store.state;
    const field = homeOf(model, pointer);
    if (!field) {
      return;
    }
    const vessel = model.vessels.find(
      (one) => field.pointer === one.pointer || field.pointer.startsWith(`${one.pointer}/`),
    );
    setFolded((set) => (set.has(field.section) ? toggled(set, field.section) : set));
    if (vessel) {
      setOpen((set) => new Set(set).add(vessel.pointer));
    }
    const inside = vessel && field === vessel ? vessel.children[0] : field;
    setTarget({ pointer: (inside ?? field).pointer });
  };
  return {
    folded,
    open,
    jump,
    fold: (id) => setFolded((set) => toggled(set, id)),
    toggle: (pointer) => setOpen((set) => toggled(set, pointer)),
  };
}

function CaseHead({ panel, label }) {
  const { number, question, local_verdict: localVerdict, due_on: due } = panel.case;
  return html`
    <header class="mgn-head">
      <p class="mgn-head-line">
        <b>${number}</b> <span>${label}</span>
        ${due && html`<span class="mgn-due">due ${due}</span>`}
      </p>
      ${question && html`<p class="mgn-question">${question}</p>`}
      ${localVerdict && html`<p class="mgn-small">Told at home: ${localVerdict}</p>`}
    </header>
  `;
}

function Failure({ store }) {
  const { failure } = store.state;
  return html`
    <div class="mgn-notice mgn-notice-bad" role="alert">
      <h2>${failure.accessEnded ? "Your access has ended" : "The panel could not be opened"}</h2>
      <p>${failure.message} ${failure.remedy}</p>
      <button type="button" class="mgn-action" onClick=${() => store.tryAgain()}>Try again</button>
    </div>
  `;
}

export function Panel({ store }) {
  useStore(store);
  const root = useRef(null);
  const scroll = useRef(null);
  const view = useView(store, root);
  const [signing, setSigning] = useState(false);
  const { panel, failure, model } = store.state;
  useLayoutEffect(() => {
    if (scroll.current) {
      scroll.current.scrollTop = store.view.scrollTop;
    }
  }, [panel === null]);
  if (failure && !panel) {
    return html`<div class="mgn" ref=${root}><${Failure} store=${store} /></div>`;
  }
  if (!panel) {
    return html`<div class="mgn" ref=${root}><p class="mgn-hint">Opening the case…</p></div>`;
  }
  return html`
    <div class="mgn" ref=${root} onFocusOut=${() => store.queue.flush()}>
      <${StatusLine} store=${store} />
      <${Conflict} store=${store} />
      <${Unsent} store=${store} />
      <${Criteria} store=${store} onJump=${view.jump} />
      <div
        class="mgn-scroll"
        ref=${scroll}
        onScroll=${(event) => {
          store.view.scrollTop = event.currentTarget.scrollTop;
        }}
      >
        <${CaseHead} panel=${panel} label=${model.label} />
        <${Form} store=${store} view=${view} />
      </div>
      <${SignFoot} store=${store} onSign=${() => setSigning(true)} />
      ${signing &&
      html`<${SignDialog}
        store=${store}
        onClose=${() => setSigning(false)}
        onJump=${view.jump}
      />`}
    </div>
  `;
}

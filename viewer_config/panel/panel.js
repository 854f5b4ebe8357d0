// The whole panel, from the case at the top to the signature at the bottom.
import { AmendDialog, AmendmentNotice, Older, PriorLine } from "./amend.js";
import { Ask } from "./ask.js";
import { Conflict, Unsent } from "./conflict.js";
import { Criteria } from "./criteria.js";
import { Form, Overview } from "./form.js";
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

// By which attribute a place to go to is found.
const DIAL = "data-dial";
const ROW = "data-vessel";
const SECTION = "data-section";

/** The pointer of a vessel's contact, or null for a vessel without one. */
const dialOf = (model, pointer) =>
  model.at.get(pointer)?.children.find((child) => child.kind === "contact-clock")?.pointer ?? null;

/** What is folded and open, and the way to a field wherever it is hidden. */
function useView(store, root) {
  const [folded, setFolded] = useState(store.view.folded);
  const [open, setOpen] = useState(store.view.open);
  const [target, setTarget] = useState(null);
  useEffect(() => {
    Object.assign(store.view, { folded, open });
  }, [folded, open]);
  // Before the next key is pressed, not after the next frame: fast hands type ahead.
  useLayoutEffect(() => {
    if (!target) {
      return;
    }
    const quoted = CSS.escape(target.pointer);
    const at = (attribute) => root.current.querySelector(`[${attribute}="${quoted}"]`);
    const place =
      at(target.at ?? "data-pointer") ?? at("data-pointer") ?? at("data-vessel") ?? null;
    const control = place?.matches("input, select, textarea, button, [data-dial]")
      ? place
      : place?.querySelector("input, select, button");
    const folded = place?.closest("details");
    if (folded) {
      folded.open = true;
    }
    const walked = [DIAL, ROW].includes(target.at);
    place?.scrollIntoView({ block: target.at === SECTION ? "start" : walked ? "nearest" : "center" });
    control?.focus({ preventScroll: true });
    if (target.typing && control) {
      control.setSelectionRange(control.value.length, control.value.length);
    }
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
  const openOne = (pointer) => setOpen((set) => new Set(set).add(pointer));
  const unfold = (id) => setFolded((set) => (set.has(id) ? toggled(set, id) : set));
  const toggle = (pointer) => {
    const opening = !open.has(pointer);
    setOpen((set) => toggled(set, pointer));
    const dial = opening && dialOf(store.state.model, pointer);
    if (dial) {
      setTarget({ pointer: dial, at: DIAL });
    }
  };
  // To the next vessel, or the one before; from an open one, that one is closed and this one opened.
  const move = (pointer, step, { walking = false } = {}) => {
    const { model } = store.state;
    const all = model.sections.flatMap((section) => section.vessels);
    const next = all[all.findIndex((one) => one.pointer === pointer) + step];
    if (!walking) {
      setOpen((set) => toggled(set, pointer));
    }
    if (!next) {
      setTarget({ pointer, at: ROW });
      return;
    }
    unfold(next.section);
    const dial = !walking && dialOf(model, next.pointer);
    if (dial) {
      openOne(next.pointer);
      setTarget({ pointer: dial, at: DIAL });
    } else {
      setTarget({ pointer: next.pointer, at: ROW });
    }
  };
  const begin = (pointer) => {
    openOne(pointer);
    setTarget({ pointer: dialOf(store.state.model, pointer), typing: true });
  };
  const show = (id, pointer) => {
    unfold(id);
    if (pointer) {
      jump(pointer);
    } else {
      setTarget({ pointer: id, at: SECTION });
    }
  };
  const foldAll = (fold) => {
    const ids = store.state.model.sections.map((section) => section.id);
    setFolded(new Set(fold ? ids : []));
  };
  return {
    folded,
    open,
    jump,
    fold: (id) => setFolded((set) => toggled(set, id)),
    toggle,
    move,
    begin,
    show,
    foldAll,
  };
}

/**
 * What stands above the form grows and shrinks with every answer: the form stays where it is on the
 * screen, so that nothing moves away under a hand that drags a dial.
 */
function useSteadyForm(scroll, isOpen) {
  useLayoutEffect(() => {
    const form = scroll.current;
    if (!form) {
      return undefined;
    }
    const topOf = () => form.getBoundingClientRect().top;
    let top = topOf();
    const observer = new ResizeObserver(() => {
      form.scrollTop += topOf() - top;
      top = topOf();
    });
    observer.observe(form);
    return () => observer.disconnect();
  }, [isOpen]);
}

function CaseHead({ store, panel, label }) {
  const { number, question, local_verdict: localVerdict, due_on: due } = panel.case;
  return html`
    <header class="mgn-head">
      <p class="mgn-head-line">
        <b>${number}</b> <span>${label}</span>
        ${due && html`<span class="mgn-due">due ${due}</span>`}
      </p>
      ${question && html`<p class="mgn-question">${question}</p>`}
      ${localVerdict && html`<p class="mgn-small">Local verdict: ${localVerdict}</p>`}
      <p><${Ask} store=${store} /></p>
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
  const [amending, setAmending] = useState(false);
  const { panel, failure, model } = store.state;
  useEffect(() => store.binding.followViewer(), [panel === null]);
  useSteadyForm(scroll, panel !== null);
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
      <${Overview} store=${store} view=${view} />
      <div
        class="mgn-scroll"
        ref=${scroll}
        onScroll=${(event) => {
          store.view.scrollTop = event.currentTarget.scrollTop;
        }}
      >
        <${CaseHead} store=${store} panel=${panel} label=${model.label} />
        <${AmendmentNotice} store=${store} onJump=${view.jump} />
        <${PriorLine} store=${store} />
        <${Older} store=${store} />
        <${Form} store=${store} view=${view} />
      </div>
      <${SignFoot}
        store=${store}
        onSign=${() => setSigning(true)}
        onAmend=${() => setAmending(true)}
        onJump=${view.jump}
      />
      ${amending && html`<${AmendDialog} store=${store} onClose=${() => setAmending(false)} />`}
      ${signing &&
      html`<${SignDialog}
        store=${store}
        onClose=${() => setSigning(false)}
        onJump=${view.jump}
      />`}
    </div>
  `;
}

// Beside a value: what it was seen on, the way back there, and the buttons that bind it.
import { isAnswered } from "./answers.js";
import {
  differs,
  evidenceAt,
  evidenceWords,
  figureOf,
  isMeasurable,
  keyImage,
  measured,
  movedTo,
  ofSegment,
  offersTo,
  shortAxisOf,
  whyUnsupported,
} from "./evidence.js";
import { html, useState } from "./html.js";
import { pointerTo } from "./model.js";

/** What a value is bound to: a click brings the viewer back there. */
export function SeenOn({ store, field, value }) {
  const [lost, setLost] = useState(false);
  const entry = evidenceAt(store.state.answers, field.pointer);
  if (!entry) {
    return null;
  }
  const words = evidenceWords(entry);
  const refused = store.state.refused.get(pointerTo("/evidence", field.pointer));
  const moved = movedTo(entry, store.viewer.measurementOf(entry));
  const jump = async () => setLost(!(await store.viewer.jumpTo(entry)));
  return html`
    <p class=${`mgn-seen mgn-seen-${entry.state}`} data-seen=${field.pointer}>
      <button
        type="button"
        class="mgn-link"
        aria-label=${`${field.label}: show ${words}`}
        onClick=${jump}
      >
        ${words}
      </button>
      ${entry.state === "unsupported" &&
      html`<b class="mgn-unsupported">unsupported: ${whyUnsupported(entry)}</b>`}
      ${differs(entry, field, value) &&
      html`<b class="mgn-unsupported">differs from what was measured</b>`}
      ${moved && html`<b class="mgn-unsupported">the measurement was moved since: now ${moved}</b>`}
      ${lost && html`<span role="status">not among the images of this case</span>`}
      ${refused && html`<span class="mgn-problem" role="alert">${refused}</span>`}
      ${store.mayWrite &&
      html`<button
        type="button"
        class="mgn-clear"
        aria-label=${`${field.label}: no longer bound to ${words}`}
        title="No longer bound"
        onClick=${() => store.binding.unbind(field.pointer)}
      >
        ×
      </button>`}
    </p>
  `;
}

/** What the viewer offers to a field just now: `[{label, act}]`. */
function offersFor(store, field, value) {
  const { viewer } = store;
  const offers = [];
  const measurement = viewer.measurement();
  const figure = figureOf(measurement);
  const place = measurement && viewer.placeOf(measurement);
  const unit = figure?.unit === "deg" ? "°" : ` ${figure?.unit}`;
  if (figure && place) {
    const entry = measured(measurement, figure, place);
    offersTo(field, figure).forEach((number, index) =>
      offers.push({
        label: `Use ${number}${unit}${index > 0 ? " (the other way round)" : ""}`,
        act: () => store.binding.useMeasured(field.pointer, number, entry),
      }),
    );
    const short = offersTo(field, { value: shortAxisOf(measurement), unit: figure.unit });
    short
      .filter((number) => number !== null && figure.kind === "bidirectional")
      .forEach((number) =>
        offers.push({
          label: `Use ${number}${unit} (the short axis)`,
          act: () => store.binding.useMeasured(field.pointer, number, entry),
        }),
      );
    if (isAnswered(value)) {
      offers.push({
        label: `Bind to the measurement, ${figure.value}${unit}`,
        act: () => store.binding.bind(field.pointer, entry),
      });
    }
  }
  const shown = isAnswered(value) && viewer.shown();
  if (shown) {
    const image = keyImage(shown);
    offers.push({
      label: `Bind to ${evidenceWords(image)}`,
      act: () => store.binding.bind(field.pointer, image),
    });
    const segment = viewer.segment();
    if (segment) {
      offers.push({
        label: `Bind to the segment ${segment.label || segment.number}`,
        act: () => store.binding.bind(field.pointer, ofSegment(segment, shown)),
      });
    }
  }
  return offers;
}

/** Three clicks on the image fill in a contact; they are said while they are waited for. */
function DrawContact({ store, pointer }) {
  const awaited = store.state.drawing === pointer;
  return html`
    <button
      type="button"
      class="mgn-pick"
      aria-pressed=${awaited}
      onClick=${() => store.binding.drawContact(awaited ? null : pointer)}
    >
      ${awaited ? "Click on the image…" : "Draw the angle"}
    </button>
    ${awaited &&
    html`<p class="mgn-small" role="status">
      On an axial slice: one end of the contact, the vessel’s centre, the other end.
    </p>`}
  `;
}

/** The buttons that bind a value, offered when asked for; `drawing` adds the way to an angle. */
export function Bind({ store, field, value, drawing = false, label = field.label }) {
  const [open, setOpen] = useState(false);
  const may = store.mayWrite && store.viewer.isThere;
  if (!may || (!isAnswered(value) && !isMeasurable(field))) {
    return null;
  }
  const offers = open ? offersFor(store, field, value) : [];
  const take = (offer) => {
    offer.act();
    setOpen(false);
  };
  return html`
    <button
      type="button"
      class="mgn-bind"
      aria-expanded=${open}
      aria-label=${`${label}: what it was seen on`}
      title="Bind to a measurement or to this image"
      data-bind=${field.pointer}
      onClick=${() => setOpen(!open)}
    >
      <span aria-hidden="true">⌖</span>
    </button>
    ${open &&
    html`<div class="mgn-offers" role="group" aria-label=${`Seen on, ${label}`}>
      ${offers.map(
        (offer) => html`<button type="button" class="mgn-pick" onClick=${() => take(offer)}>
          ${offer.label}
        </button>`,
      )}
      ${drawing && html`<${DrawContact} store=${store} pointer=${field.pointer} />`}
      ${!drawing &&
      offers.length === 0 &&
      html`<p class="mgn-small">
        Nothing to bind to: select a measurement, or show an original image.
      </p>`}
    </div>`}
  `;
}

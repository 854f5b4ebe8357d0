// Contact as a clock face: how much of a vessel's circumference is touched. The angle says how
// much, not where; it starts at twelve and runs clockwise.
import { angleForKey, angleFrom, arcPath, pointOn, stateOf } from "./angles.js";
import { html, useRef } from "./html.js";

const FULL_TURN_DEG = 360;

function Ring({ size, width, value }) {
  const centre = size / 2;
  const radius = centre - width / 2 - 1;
  const state = stateOf(value);
  const touched = state === "touched" ? value : 0;
  const ring = { cx: centre, cy: centre, r: radius, fill: "none", "stroke-width": width };
  return html`
    <circle ...${ring} class="mgn-ring mgn-ring-${state}" />
    ${touched >= FULL_TURN_DEG && html`<circle ...${ring} class="mgn-ring-arc" />`}
    ${touched > 0 &&
    touched < FULL_TURN_DEG &&
    html`<path
      d=${arcPath(centre, radius, touched)}
      fill="none"
      stroke-width=${width}
      class="mgn-ring-arc"
    />`}
  `;
}

/** The small picture in a folded row. Decorative: the row says the same in words. */
export function MiniClock({ value }) {
  const state = stateOf(value);
  return html`
    <svg class="mgn-mini" width="24" height="24" viewBox="0 0 24 24" aria-hidden="true">
      <${Ring} size=${24} width=${4} value=${value} />
      ${state === "said" && html`<path d="M8 12 H16" class="mgn-ring-dash" />`}
    </svg>
  `;
}

const DIAL = 120;
const RING_WIDTH = 15;

/**
 * The dial: dragged, or moved with the keys. `words` is what it says when it is no number; `onKey`
 * gets every key first and says whether it took it.
 */
export function ClockFace({ field, value, words, label, disabled, onChange, onKey = () => false }) {
  const face = useRef(null);
  const angle = typeof value === "number" ? Math.min(FULL_TURN_DEG, Math.max(0, value)) : 0;
  const state = stateOf(value);

  const turnTo = (event) => {
    const box = face.current.getBoundingClientRect();
    const dx = event.clientX - (box.left + box.width / 2);
    const dy = event.clientY - (box.top + box.height / 2);
    const previous = event.type === "pointermove" ? angle : 180;
    onChange(angleFrom(dx, dy, previous, field.step, field.marks));
  };
  const grasp = (event) => {
    if (!disabled) {
      // Dragging turns the dial and selects no text around it.
      event.preventDefault();
      face.current.setPointerCapture(event.pointerId);
      face.current.focus();
      turnTo(event);
    }
  };
  const drag = (event) => {
    if (face.current.hasPointerCapture(event.pointerId)) {
      turnTo(event);
    }
  };
  const press = (event) => {
    if (!disabled && onKey(event)) {
      return;
    }
    const next = disabled ? null : angleForKey(event.key, angle, field.step);
    if (next !== null) {
      event.preventDefault();
      onChange(next);
    }
  };
  const centre = DIAL / 2;
  const handle = pointOn(centre, centre - RING_WIDTH / 2 - 1, angle);
  return html`
    <svg
      ref=${face}
      class="mgn-clock mgn-clock-${state}"
      viewBox="0 0 ${DIAL} ${DIAL}"
      tabindex=${disabled ? -1 : 0}
      role="slider"
      data-dial=${field.pointer}
      aria-label=${`${label}: ${field.label}`}
      aria-valuemin="0"
      aria-valuemax="360"
      aria-valuenow=${angle}
      aria-valuetext=${words}
      aria-disabled=${disabled}
      onPointerDown=${grasp}
      onPointerMove=${drag}
      onKeyDown=${press}
    >
      <${Ring} size=${DIAL} width=${RING_WIDTH} value=${value} />
      ${[0, ...field.marks].map((mark) => {
        const outer = pointOn(centre, centre - RING_WIDTH - 3, mark);
        const inner = pointOn(centre, centre - RING_WIDTH - 8, mark);
        return html`<line
          x1=${outer.x}
          y1=${outer.y}
          x2=${inner.x}
          y2=${inner.y}
          class="mgn-mark"
        />`;
      })}
      ${(state === "touched" || state === "none") &&
      html`<circle cx=${handle.x} cy=${handle.y} r="6.5" class="mgn-handle" />`}
      <text x=${centre} y=${centre} class="mgn-clock-text" text-anchor="middle">
        ${typeof value === "number"
          ? html`<tspan class="mgn-clock-number" dy="6">${value}${field.unitText}</tspan>`
          : words
              .split(" ")
              .map(
                (word, row, all) =>
                  html`<tspan x=${centre} dy=${row === 0 ? 4 - (all.length - 1) * 6 : 13}>
                    ${word}
                  </tspan>`,
              )}
      </text>
    </svg>
  `;
}

// In the panel's volumes: a resection tried on a measured liver, and a liver or tumour grown from a
// click. What the server makes of it comes back as a segmentation, which is laid over the images.
import { html, useEffect, useState } from "../panel/html.js";
import { growRegion, tryCut } from "./api.js";
import { inWords, KINDS, livers, PLANE_POINTS, Plan, underWay, usualLiver } from "./plan.js";
import {
  followMeasurements,
  forgetMeasurement,
  isThere,
  LINE_TOOL,
  middleOfView,
  nameMeasurement,
  POINT_TOOL,
  showSegmentation,
  STRAIGHT_TOOL,
  useTool,
} from "./viewer.js";

const plan = new Plan();
// A click that is waited for to grow a region from: `{organ}`, or null.
let seed = null;
// Tasks asked for in this visit whose result is to be shown as soon as it is there.
const begun = new Set();
const listeners = new Set();
const tell = () => listeners.forEach((listener) => listener());
let following = null;
let onSeed = () => {};

const roleLabel = (role) =>
  role === "remains" ? "Remains" : `Cut ${Number(role.split(" ")[1]) + 1}`;

function added(measurement) {
  if (seed && measurement.toolName === POINT_TOOL) {
    const { organ } = seed;
    seed = null;
    useTool();
    onSeed(organ, {
      at: Array.from(measurement.points[0], Number),
      StudyInstanceUID: measurement.referenceStudyUID,
      SeriesInstanceUID: measurement.referenceSeriesUID,
    });
    tell();
    return;
  }
  const role = plan.expected;
  if (!plan.take(measurement)) {
    return;
  }
  nameMeasurement(measurement.uid, role === "line" ? `Cut line ${plan.lines.length}` : roleLabel(role));
  if (!plan.expected) {
    useTool();
  }
  tell();
}

function follow() {
  following ??= followMeasurements({
    onAdded: added,
    onMoved: (measurement) => plan.moved(measurement) && tell(),
    onGone: (uids) => {
      plan.gone(uids);
      tell();
    },
  });
}

function usePlan() {
  const [, draw] = useState(0);
  useEffect(() => {
    const listener = () => draw((count) => count + 1);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
}

function expect(role, tool) {
  follow();
  seed = null;
  plan.expect(role);
  useTool(tool);
  tell();
}

function forget(one, role) {
  if (one.uid) {
    forgetMeasurement(one.uid);
  } else {
    plan.clear(role);
  }
  tell();
}

function Point({ role, label, point }) {
  const waiting = plan.expected === role;
  const middle = () => {
    const found = middleOfView();
    if (found) {
      plan.set(role, found.at);
      tell();
    }
  };
  return html`
    <li class="mgn-cut-point" data-cut=${role}>
      <span>${label}</span>
      ${point
        ? html`<span class="mgn-small">${inWords(point.at)} mm</span>
            <button
              type="button"
              class="mgn-clear"
              aria-label=${`${label}: delete`}
              onClick=${() => forget(point, role)}
            >
              ×
            </button>`
        : html`<button
              type="button"
              class="mgn-pick"
              aria-pressed=${waiting}
              aria-label=${`${label}: click on the image`}
              onClick=${() => expect(role, POINT_TOOL)}
            >
              ${waiting ? "Click on the image…" : "Click on the image"}
            </button>
            <button
              type="button"
              class="mgn-pick"
              aria-label=${`${label}: the middle of the view`}
              onClick=${middle}
            >
              Middle of the view
            </button>`}
    </li>
  `;
}

function Lines() {
  const drawing = plan.expected === "line";
  return html`
    <ul class="mgn-cut-points">
      ${plan.lines.map(
        (line, index) => html`<li class="mgn-cut-point" key=${line.uid}>
          <span>Line ${index + 1}</span>
          <span class="mgn-small">at ${Math.round(line.at[0][2])} mm</span>
          <button
            type="button"
            class="mgn-clear"
            aria-label=${`Line ${index + 1}: delete`}
            onClick=${() => forget(line)}
          >
            ×
          </button>
        </li>`,
      )}
    </ul>
    <p class="mgn-small">
      From one end of the liver to the other, on several slices.
    </p>
    <p class="mgn-picks">
      <button
        type="button"
        class="mgn-pick"
        aria-pressed=${drawing}
        onClick=${() => expect("line", LINE_TOOL)}
      >
        Draw a line
      </button>
      <button type="button" class="mgn-pick" onClick=${() => expect("line", STRAIGHT_TOOL)}>
        Straight line
      </button>
    </p>
  `;
}

function Segments({ names }) {
  if (names.length === 0) {
    return html`<p class="mgn-small">
      This segmentation has no Couinaud segments (labels such as “liver segment IV”).
    </p>`;
  }
  return html`<p class="mgn-picks" role="group" aria-label="Taken out">
    ${names.map(
      (name) => html`<button
        type="button"
        class="mgn-pick"
        aria-pressed=${plan.removed.has(name)}
        aria-label=${`Segment ${name}`}
        onClick=${() => {
          plan.toggle(name);
          tell();
        }}
      >
        ${name}
      </button>`,
    )}
  </p>`;
}

function Kinds() {
  return html`<fieldset class="mgn-cut-kinds">
    <legend>Cut along</legend>
    ${KINDS.map(
      ({ kind, label }) => html`<label>
        <input
          type="radio"
          name="mgn-cut-kind"
          checked=${plan.kind === kind}
          onChange=${() => {
            plan.kind = kind;
            plan.expected = null;
            tell();
          }}
        />
        ${label}
      </label>`,
    )}
  </fieldset>`;
}

function Problem({ problem }) {
  return (
    problem &&
    html`<p class="mgn-problem" role="alert">
      ${[problem.message, ...problem.problems.map((one) => one.message), problem.remedy].join(" ")}
    </p>`
  );
}

/** Runs what asks the server for something; what it refuses is shown. */
function useAsking(store) {
  const [problem, setProblem] = useState(null);
  const ask = async (asked) => {
    setProblem(null);
    try {
      const task = await asked();
      begun.add(task.id);
      store.awaited.watchVolumes();
    } catch (error) {
      setProblem(error);
    }
  };
  return [problem, ask];
}

function Cut({ store }) {
  usePlan();
  const [problem, ask] = useAsking(store);
  const choices = livers(store.state.volumes);
  const chosen = choices.find(({ id }) => id === plan.volumeId) ?? usualLiver(choices);
  if (!chosen) {
    return html`<p class="mgn-small">
      A resection is tried on a measured segmentation of the liver: draw one, or have it grown.
    </p>`;
  }
  const missing = plan.missing();
  return html`
    ${choices.length > 1 &&
    html`<label class="mgn-cut-from">
      Of
      <select
        onChange=${(event) => {
          plan.volumeId = event.target.value;
          tell();
        }}
      >
        ${choices.map(
          ({ id, label }) => html`<option value=${id} selected=${id === chosen.id}>${label}</option>`,
        )}
      </select>
    </label>`}
    <${Kinds} />
    ${plan.kind === "plane" &&
    html`<ol class="mgn-cut-points">
      ${PLANE_POINTS.map(
        (label, index) => html`<${Point}
          key=${label}
          role=${`point ${index}`}
          label=${label}
          point=${plan.points[index]}
        />`,
      )}
    </ol>`}
    ${plan.kind === "surface" && html`<${Lines} />`}
    ${plan.kind === "segments" && html`<${Segments} names=${chosen.couinaud ?? []} />`}
    ${plan.kind !== "segments" &&
    html`<ul class="mgn-cut-points">
      <${Point} role="remains" label="A point that remains" point=${plan.remains} />
    </ul>`}
    <p class="mgn-small" role="status">${missing}</p>
    <button
      type="button"
      class="mgn-action"
      disabled=${missing !== ""}
      onClick=${() => ask(() => tryCut(chosen.id, plan.toJson()))}
    >
      Try this resection
    </button>
    <${Problem} problem=${problem} />
  `;
}

function Grow({ store }) {
  usePlan();
  const [problem, ask] = useAsking(store);
  const liver = usualLiver(store.state.volumes);
  const grow = (organ, place) =>
    ask(() =>
      growRegion({
        organ,
        StudyInstanceUID: place.StudyInstanceUID,
        SeriesInstanceUID: place.SeriesInstanceUID,
        seed_mm: place.at,
        ...(organ === "tumour" && liver?.SeriesInstanceUID === place.SeriesInstanceUID
          ? { liver: liver.id }
          : {}),
      }),
    );
  useEffect(() => {
    onSeed = grow;
  });
  const click = (organ) => {
    follow();
    plan.expected = null;
    seed = { organ };
    useTool(POINT_TOOL);
    tell();
  };
  const middle = (organ) => {
    const place = middleOfView();
    if (place) {
      grow(organ, place);
    }
  };
  return html`
    <p class="mgn-small">
      From one point inside it, on a CT series; the result is a draft to be corrected.
    </p>
    <ul class="mgn-cut-points">
      ${["liver", "tumour"].map(
        (organ) => html`<li class="mgn-cut-point" key=${organ}>
          <span>${organ === "liver" ? "Liver" : "Tumour"}</span>
          <button
            type="button"
            class="mgn-pick"
            aria-pressed=${seed?.organ === organ}
            aria-label=${`Grow the ${organ} from a click on the image`}
            onClick=${() => click(organ)}
          >
            ${seed?.organ === organ ? "Click in it…" : "Click in it"}
          </button>
          <button
            type="button"
            class="mgn-pick"
            aria-label=${`Grow the ${organ} from the middle of the view`}
            onClick=${() => middle(organ)}
          >
            Middle of the view
          </button>
        </li>`,
      )}
    </ul>
    <${Problem} problem=${problem} />
  `;
}

const millilitres = (amount) => `${amount.toFixed(0)} mL`;

function Outcome({ volume }) {
  const [lost, setLost] = useState(false);
  const { made } = volume;
  const show = async () => setLost(!(await showSegmentation(made)));
  const cut = made.resection;
  return html`
    <li class="mgn-cut-outcome" data-made=${volume.id}>
      <b>${volume.label}</b>
      ${cut &&
      html`<p>
        Remains ${millilitres(cut.flr_ml)} (${cut.flr_percent.toFixed(1)} %), taken
        ${" "}${millilitres(cut.specimen_ml)}${cut.tumour_left_ml > 0 &&
        html`, <b class="mgn-unsupported">${cut.tumour_left_ml.toFixed(1)} mL of tumour remain</b>`}
      </p>
      <p>
        ${cut.margin_mm === null
          ? "No tumour is drawn, so there is no margin."
          : html`Margin to the tumour <b>${cut.margin_mm.toFixed(1)} mm</b>`}
      </p>`}
      ${made.region?.to_be_corrected &&
      html`<p>
        ${millilitres(made.region.volume_ml)} between ${made.region.window_hu[0].toFixed(0)} and
        ${" "}${made.region.window_hu[1].toFixed(0)} HU: check its edge on every slice.
      </p>`}
      ${[...(cut?.notes ?? []), ...(made.region?.notes ?? [])].map(
        (note) => html`<p class="mgn-small">${note}</p>`,
      )}
      <button type="button" class="mgn-link" onClick=${show}>Show on the images</button>
      ${lost && html`<span role="status" class="mgn-small">It could not be shown: reload.</span>`}
    </li>
  `;
}

function Tasks({ volumes }) {
  return underWay(volumes).map(
    ({ id, label, doing, percent }) => html`<p class="mgn-cut-task" key=${id} role="status">
      ${label}: ${doing}
      <progress max="100" value=${percent} aria-label=${label}></progress>
    </p>`,
  );
}

/** Beside the measured volumes: what is being worked on, what came of it, and the ways to ask. */
export function Trials({ store }) {
  const { volumes } = store.state;
  useEffect(() => {
    for (const volume of volumes) {
      if (begun.has(volume.id) && !volume.progress) {
        begun.delete(volume.id);
        if (volume.state === "measured") {
          showSegmentation(volume.made);
        }
      }
    }
  }, [volumes]);
  if (!isThere()) {
    return null;
  }
  const made = volumes.filter(({ state, made: how }) => state === "measured" && how);
  return html`
    <${Tasks} volumes=${volumes} />
    ${made.length > 0 &&
    html`<ul class="mgn-cut-outcomes" aria-label="Tried and grown">
      ${made.map((volume) => html`<${Outcome} key=${volume.id} volume=${volume} />`)}
    </ul>`}
    ${store.mayWrite &&
    html`<details class="mgn-cut" data-trial="region">
        <summary>Have liver or tumour drawn</summary>
        <${Grow} store=${store} />
      </details>
      <details class="mgn-cut" data-trial="resection">
        <summary>Try a resection</summary>
        <${Cut} store=${store} />
      </details>`}
  `;
}

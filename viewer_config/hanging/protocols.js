// What stands where when a case is opened: the phases side by side where the window has room for
// them, the prior beside the current study, else the best series alone; and the stock reformation
// (MPR) without its own order of loading, which would go past ours.
import { bestOf, isWide, phaseIn, worthOf } from "./phases.js";

export const OPENING = "margin";
// Ids of stages, the best first.
export const PHASES_STAGES = ["phases", "twoPhases"];
export const PRIOR_STAGES = ["prior"];
const SLICES_TOGETHER = { type: "imageSlice", id: "marginSlices", source: true, target: true };
const WINDOW_TOGETHER = { type: "voi", id: "marginWindow", source: true, target: true };
const SEGMENTS_TOGETHER = {
  type: "hydrateseg",
  id: "sameFORId",
  source: true,
  target: true,
  options: { matchingRules: ["sameFOR"] },
};
const MIDDLE = { preset: "middle" };

/** What the rules go by, in words of our own. */
export function describe(displaySet) {
  const first = displaySet.instances?.[0] ?? displaySet.images?.[0] ?? {};
  return {
    description: displaySet.SeriesDescription ?? first.SeriesDescription,
    phase: globalThis.marginEarly?.phases[displaySet.SeriesInstanceUID],
    modality: displaySet.Modality,
    instances: displaySet.numImageFrames ?? displaySet.instances?.length ?? 0,
    thickness_mm: Number(first.SliceThickness ?? 0),
  };
}

const dayOf = (displaySet) =>
  String(displaySet.StudyDate ?? displaySet.instances?.[0]?.StudyDate ?? "");

/**
 * Which display set stands for what: `{best, arterial, portal_venous, delayed, native, prior}`, each a
 * display set or null. Current is the study with the latest date, the prior the latest before it of the
 * same modality, or of any where there is none. Pure.
 */
export function placesOf(displaySets) {
  const images = displaySets.filter((one) => worthOf(describe(one)) > 0);
  const days = [...new Set(images.map(dayOf))].sort().reverse();
  const studyOf = (day) => images.filter((one) => dayOf(one) === day);
  const current = studyOf(days[0]);
  const ofPhase = (name) =>
    bestOf(
      current.filter((one) => phaseIn(describe(one)) === name),
      describe,
    );
  const best = bestOf(current, describe);
  const earlier = images.filter((one) => dayOf(one) < days[0]);
  const alike = earlier.filter((one) => one.Modality === best?.Modality);
  const before = alike.length > 0 ? alike : earlier;
  const priorDay = before.map(dayOf).sort().at(-1);
  return {
    best,
    arterial: ofPhase("arterial"),
    portal_venous: ofPhase("portal_venous"),
    delayed: ofPhase("delayed"),
    native: ofPhase("native"),
    prior: bestOf(
      before.filter((one) => dayOf(one) === priorDay),
      describe,
    ),
  };
}

const attributeOf = (place) => `margin:${place}`;
const PLACES = ["best", "arterial", "portal_venous", "delayed", "native", "prior"];

/** Let rules ask whether a display set stands for a place. */
export function teachPlaces({ hangingProtocolService, displaySetService }) {
  const isAt = (place) => (displaySet) => {
    const found = placesOf(displaySetService.getActiveDisplaySets())[place];
    return found?.displaySetInstanceUID === displaySet.displaySetInstanceUID;
  };
  PLACES.forEach((place) =>
    hangingProtocolService.addCustomAttribute(attributeOf(place), place, isAt(place)),
  );
}

const selector = (place) => ({
  seriesMatchingRules: [
    {
      weight: 10,
      attribute: attributeOf(place),
      constraint: { equals: { value: true } },
      required: true,
    },
  ],
});

function viewport(place, syncGroups = []) {
  return {
    viewportOptions: {
      viewportType: "stack",
      toolGroupId: "default",
      allowUnmatchedView: true,
      initialImageOptions: MIDDLE,
      syncGroups: [...syncGroups, SEGMENTS_TOGETHER],
    },
    displaySets: [{ id: place }],
  };
}

const grid = (rows, columns) => ({ layoutType: "grid", properties: { rows, columns } });

function stage(id, name, { rows, columns, places, needs, together }) {
  return {
    id,
    name,
    stageActivation: { enabled: { displaySetSelectorsMatched: needs, minViewportsMatched: 1 } },
    viewportStructure: grid(rows, columns),
    viewports: places.map((place) => viewport(place, together)),
  };
}

const SLICES_AND_WINDOW = [SLICES_TOGETHER, WINDOW_TOGETHER];

/** Several series beside each other, three phases in a grid of so many rows and columns. */
function sideBySide(rows, columns) {
  const phases = ["arterial", "portal_venous", "delayed"];
  const inGrid = [...phases, "native"].slice(0, rows * columns);
  const two = { rows: 1, columns: 2 };
  const ofPhases = { places: inGrid, needs: phases, together: SLICES_AND_WINDOW };
  const ofTwo = { places: phases.slice(0, 2), needs: phases.slice(0, 2) };
  return [
    stage("phases", "Phases side by side", { rows, columns, ...ofPhases }),
    stage("twoPhases", "Arterial and portal venous", {
      ...{ ...two, ...ofTwo, together: SLICES_AND_WINDOW },
    }),
    stage("prior", "Prior beside current", {
      ...{ ...two, places: ["best", "prior"], needs: ["best", "prior"], together: [WINDOW_TOGETHER] },
    }),
  ];
}

const ALONE = stage("one", "One series", { rows: 1, columns: 1, places: ["best"], needs: [] });

/** The protocol with which a case is opened, for a window of this width. */
export function opening(widthPx) {
  return {
    id: OPENING,
    name: "Resectability",
    description: "The phases side by side, or the best series",
    protocolMatchingRules: [],
    toolGroupIds: ["default"],
    numberOfPriorsReferenced: 0,
    displaySetSelectors: Object.fromEntries(PLACES.map((place) => [place, selector(place)])),
    defaultViewport: {
      viewportOptions: { viewportType: "stack", toolGroupId: "default", allowUnmatchedView: true },
      displaySets: [{ id: "best", matchedDisplaySetsIndex: -1 }],
    },
    stages: isWide(widthPx) ? [...sideBySide(1, 3), ALONE] : [ALONE, ...sideBySide(2, 2)],
  };
}

/** Three planes of one series. */
export function reformation() {
  const planes = ["axial", "sagittal", "coronal"];
  const together = { type: "voi", id: "mpr", source: true, target: true };
  return {
    id: "mpr",
    name: "MPR",
    locked: true,
    icon: "layout-advanced-mpr",
    isPreset: true,
    protocolMatchingRules: [],
    numberOfPriorsReferenced: 0,
    displaySetSelectors: {
      activeDisplaySet: {
        seriesMatchingRules: [
          {
            weight: 10,
            attribute: attributeOf("best"),
            constraint: { equals: { value: true } },
          },
          {
            weight: 1,
            attribute: "isReconstructable",
            constraint: { equals: { value: true } },
            required: true,
          },
        ],
      },
    },
    stages: [
      {
        name: "MPR",
        viewportStructure: grid(1, 3),
        viewports: planes.map((orientation) => ({
          viewportOptions: {
            viewportId: `mpr-${orientation}`,
            toolGroupId: "mpr",
            viewportType: "volume",
            orientation,
            initialImageOptions: MIDDLE,
            syncGroups: [{ ...together, options: { syncColormap: true } }, SEGMENTS_TOGETHER],
          },
          displaySets: [{ id: "activeDisplaySet" }],
        })),
      },
    ],
  };
}

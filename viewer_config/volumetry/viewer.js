// OHIF as far as cutting and growing need it: points and lines set on images, segmentations shown.

const CORNERSTONE = "CORNERSTONE";
const SHOWN_WITHIN_MS = 15000;
const LOOK_EVERY_MS = 100;
export const POINT_TOOL = "Probe";
export const LINE_TOOL = "PlanarFreehandROI";
export const STRAIGHT_TOOL = "Length";
const USUAL_TOOL = "WindowLevel";

let viewer = null;

/** Called once, with what OHIF hands to an extension. */
export function meetViewer(met) {
  viewer = met;
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = new URL("./section.css", import.meta.url).href;
  document.head.append(style);
}

export const isThere = () => Boolean(viewer);

/** The next click or stroke on an image is made with this tool; without one, with the usual one. */
export function useTool(toolName = USUAL_TOOL) {
  viewer.commandsManager.run({
    commandName: "setToolActiveToolbar",
    commandOptions: { toolName },
    context: CORNERSTONE,
  });
}

/** `onAdded`, `onMoved` (of a measurement) and `onGone` (of uids); gives a function that stops it. */
export function followMeasurements({ onAdded, onMoved, onGone }) {
  const { measurementService } = viewer.services;
  const { EVENTS } = measurementService;
  const on = (name, act) => measurementService.subscribe(EVENTS[name], act).unsubscribe;
  const uidOf = (one) => (typeof one === "string" ? one : one?.uid);
  const stops = [
    on("MEASUREMENT_ADDED", ({ measurement }) => onAdded(measurement)),
    on("MEASUREMENT_UPDATED", ({ measurement }) => onMoved(measurement)),
    on("MEASUREMENT_REMOVED", ({ measurement }) => onGone([uidOf(measurement)])),
    on("MEASUREMENTS_CLEARED", ({ measurements }) => onGone((measurements ?? []).map(uidOf))),
  ];
  return () => stops.forEach((stop) => stop());
}

/** Names a point or a line in the image and in OHIF's list. */
export function nameMeasurement(uid, label) {
  const { measurementService } = viewer.services;
  const measurement = measurementService.getMeasurement(uid);
  if (measurement) {
    measurementService.update(uid, { ...measurement, label }, true);
  }
}

export const forgetMeasurement = (uid) => viewer.services.measurementService.remove(uid);

const activeId = () => viewer.services.viewportGridService.getActiveViewportId();

/** The middle of the active view: `{at, StudyInstanceUID, SeriesInstanceUID}`, or null. */
export function middleOfView() {
  const { cornerstoneViewportService, viewportGridService, displaySetService } = viewer.services;
  const id = activeId();
  const at = cornerstoneViewportService.getCornerstoneViewport(id)?.getCamera?.().focalPoint;
  const uid = viewportGridService.getState().viewports.get(id)?.displaySetInstanceUIDs?.[0];
  const shown = uid && displaySetService.getDisplaySetByUID(uid);
  if (!at || !shown) {
    return null;
  }
  const { StudyInstanceUID, SeriesInstanceUID } = shown;
  return { at: Array.from(at, Number), StudyInstanceUID, SeriesInstanceUID };
}

async function until(look) {
  for (let waited = 0; waited < SHOWN_WITHIN_MS; waited += LOOK_EVERY_MS) {
    const found = look();
    if (found) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return null;
}

/** The display set of a stored segmentation; asks the server for its series if OHIF lacks it. */
async function displaySetOf({ StudyInstanceUID, SeriesInstanceUID }) {
  const { displaySetService } = viewer.services;
  const known = () => displaySetService.getDisplaySetsForSeries(SeriesInstanceUID)[0];
  if (known()) {
    return known();
  }
  const [source] = viewer.extensionManager.getActiveDataSource();
  // OHIF remembers what it asked of a study, under the source's name in some versions.
  const forget = () => {
    source.deleteStudyMetadataPromise(StudyInstanceUID);
    source.deleteStudyMetadataPromise(`${source.getConfig().name}:${StudyInstanceUID}`);
  };
  forget();
  await source.retrieve.series.metadata({
    StudyInstanceUID,
    filters: { seriesInstanceUID: [SeriesInstanceUID] },
  });
  forget();
  return until(known);
}

/** A viewport that shows the images of a segmentation: the active one, or another, or the active
 * one after they were put into it. */
async function viewportOf(referenced) {
  const { viewportGridService } = viewer.services;
  const { viewports } = viewportGridService.getState();
  const shows = (id) => viewports.get(id)?.displaySetInstanceUIDs?.includes(referenced);
  const active = activeId();
  const already = shows(active) ? active : [...viewports.keys()].find(shows);
  if (!already) {
    await viewer.commandsManager.run("setDisplaySetsForViewports", {
      viewportsToUpdate: [{ viewportId: active, displaySetInstanceUIDs: [referenced] }],
    });
  }
  return already ?? active;
}

/** Lays a stored segmentation over its images; whether that worked. */
export async function showSegmentation(named) {
  const displaySet = await displaySetOf(named);
  if (!displaySet) {
    return false;
  }
  const viewportId = await viewportOf(displaySet.referencedDisplaySetInstanceUID);
  await viewer.commandsManager.run("addDisplaySetAsLayer", {
    viewportId,
    displaySetInstanceUID: displaySet.displaySetInstanceUID,
  });
  const { segmentationService } = viewer.services;
  const laid = () =>
    segmentationService.getSegmentationRepresentations(viewportId, {
      segmentationId: displaySet.displaySetInstanceUID,
    }).length > 0;
  return Boolean(await until(laid));
}

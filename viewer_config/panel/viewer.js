// The only part of the panel that asks OHIF what is on the screen, and brings it back there.
// OHIF leaves its services and commands on the window for programs beside it.
import { showView, viewIn } from "./view.js";

const CORNERSTONE = "CORNERSTONE";
const ANGLE_TOOL = "Angle";
const USUAL_TOOL = "WindowLevel";
const LONGEST_SERIES = 100;
const NEW_IMAGE = "CORNERSTONE_STACK_NEW_IMAGE";
const LONGEST_WAIT_MS = 3000;

const cross = ([a, b, c], [d, e, f]) => [b * f - c * e, c * d - a * f, a * e - b * d];

function seriesWords({ SeriesNumber: number, SeriesDescription: description }) {
  const words = [number !== undefined && `series ${number}`, description].filter(Boolean);
  return words.join(" ").slice(0, LONGEST_SERIES);
}

/** A slice as Cornerstone refers to it: its middle, and the way it faces, in mm. */
function referenceTo(instance, imageId) {
  const orientation = Array.from(instance.ImageOrientationPatient ?? [], Number);
  const corner = Array.from(instance.ImagePositionPatient ?? [], Number);
  const named = { referencedImageId: imageId, FrameOfReferenceUID: instance.FrameOfReferenceUID };
  if (orientation.length !== 6 || corner.length !== 3) {
    return named;
  }
  const [row, column] = [orientation.slice(0, 3), orientation.slice(3)];
  const [spacingRows, spacingColumns] = Array.from(instance.PixelSpacing ?? [1, 1], Number);
  const across = (instance.Columns * spacingColumns) / 2;
  const down = (instance.Rows * spacingRows) / 2;
  const middle = corner.map((at, axis) => at + row[axis] * across + column[axis] * down);
  const facing = cross(row, column).map((part) => -part);
  return { ...named, cameraFocalPoint: middle, viewPlaneNormal: facing, viewUp: column.map((p) => -p) };
}

/** Waits, for a moment, until a stack has drawn an image; a volume has all of them. */
async function drawn(viewport, imageId) {
  const { element } = viewport;
  if (viewport.getAllVolumeIds || viewport.csImage?.imageId === imageId) {
    return;
  }
  await new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      element.removeEventListener(NEW_IMAGE, look);
      resolve();
    };
    const look = ({ detail }) => detail.imageId === imageId && end();
    const timer = setTimeout(end, LONGEST_WAIT_MS);
    element.addEventListener(NEW_IMAGE, look);
  });
}

export class Viewer {
  #services;
  #commands;
  #touched = null;

  constructor(services = globalThis.services, commands = globalThis.commandsManager) {
    this.#services = services;
    this.#commands = commands;
  }

  /** Whether there is a viewer beside the panel at all. */
  get isThere() {
    return Boolean(this.#services?.measurementService && this.#services.viewportGridService);
  }

  /** `onChange` when measurements change; `onDrawn(measurement)`, `onGone(uids)` when some were deleted. */
  follow({ onChange, onDrawn, onGone }) {
    const { measurementService } = this.#services;
    const { EVENTS } = measurementService;
    const on = (name, act) => measurementService.subscribe(EVENTS[name], act).unsubscribe;
    const touched = ({ measurement }) => {
      this.#touched = measurement?.uid ?? this.#touched;
      onChange();
    };
    const gone = (uids) => {
      onGone(uids);
      onChange();
    };
    const uidOf = (one) => (typeof one === "string" ? one : one?.uid);
    const stops = [
      on("MEASUREMENT_ADDED", (event) => {
        touched(event);
        onDrawn(event.measurement);
      }),
      on("MEASUREMENT_UPDATED", touched),
      on("MEASUREMENT_REMOVED", ({ measurement }) => gone([uidOf(measurement)])),
      on("MEASUREMENTS_CLEARED", ({ measurements }) => gone((measurements ?? []).map(uidOf))),
    ];
    return () => stops.forEach((stop) => stop());
  }

  /** The measurement that is selected, or else the one touched last. */
  measurement() {
    const all = this.#services?.measurementService.getMeasurements() ?? [];
    return (
      all.findLast((one) => one.isSelected) ?? all.find((one) => one.uid === this.#touched) ?? null
    );
  }

  /** The measurement an entry is bound to, while the viewer has it. */
  measurementOf({ measurement }) {
    const service = this.#services?.measurementService;
    return (measurement && service?.getMeasurement(measurement)) ?? null;
  }

  /** Where a measurement was drawn: `{image, series, image_number}`, or null. */
  placeOf(measurement) {
    return this.#described(measurement.referencedImageId ?? measurement.metadata?.referencedImageId);
  }

  /** The image in the active viewport, its window and what is seen of it; null where reformatted. */
  shown() {
    const viewport = this.#viewport(this.#activeId());
    const place = this.#described(viewport?.getCurrentImageId?.());
    if (!place) {
      return null;
    }
    const range = viewport.getProperties().voiRange;
    const view = viewIn(viewport);
    return {
      ...place,
      ...(range ? { window: { lower: range.lower, upper: range.upper } } : {}),
      ...(view ? { view } : {}),
    };
  }

  /** The segment that is active in the active viewport: `{number, label, series}`, or null. */
  segment() {
    const { segmentationService, displaySetService } = this.#services;
    const active = segmentationService?.getActiveSegmentation?.(this.#activeId());
    const found = active && segmentationService.getActiveSegment?.(this.#activeId());
    if (!found) {
      return null;
    }
    const stored = displaySetService.getDisplaySetByUID(active.segmentationId);
    return { number: found.segmentIndex, label: found.label, series: stored?.SeriesInstanceUID };
  }

  /** Three clicks: one end of the contact, the vessel's centre, the other end. */
  drawAngle() {
    this.#use(ANGLE_TOOL);
  }

  /** The next click on an image draws nothing. */
  putToolAway() {
    this.#use(USUAL_TOOL);
  }

  /** Bring the viewer to what an entry was seen on; false when it is not among these images. */
  async jumpTo(entry) {
    const { measurementService } = this.#services;
    if (entry.measurement && measurementService.getMeasurement(entry.measurement)) {
      measurementService.jumpToMeasurement(this.#activeId(), entry.measurement);
      return true;
    }
    const found = this.#found(entry.image);
    if (!found) {
      return false;
    }
    const viewportId = await this.#showing(found);
    const viewport = this.#viewport(viewportId);
    if (!viewport) {
      return false;
    }
    this.#services.viewportGridService.setActiveViewportId(viewportId);
    viewport.setViewReference(referenceTo(found.instance, found.imageId));
    if (entry.window) {
      viewport.setProperties({ voiRange: { ...entry.window } });
    }
    if (entry.view) {
      await drawn(viewport, found.imageId);
      showView(viewport, entry.view);
    }
    viewport.render();
    return true;
  }

  #use(toolName) {
    this.#commands.run({
      commandName: "setToolActiveToolbar",
      commandOptions: { toolName },
      context: CORNERSTONE,
    });
  }

  #activeId() {
    return this.#services?.viewportGridService.getActiveViewportId();
  }

  #viewport(id) {
    return this.#services?.cornerstoneViewportService?.getCornerstoneViewport(id) ?? null;
  }

  *#images() {
    for (const displaySet of this.#services.displaySetService.getActiveDisplaySets()) {
      const ids = displaySet.imageIds ?? displaySet.images?.map((one) => one.imageId) ?? [];
      const instances = displaySet.images ?? displaySet.instances ?? [];
      for (const [index, instance] of instances.entries()) {
        yield { displaySet, index, instance, imageId: ids[index] ?? instance.imageId };
      }
    }
  }

  #described(imageId) {
    if (!imageId) {
      return null;
    }
    const found = [...this.#images()].find((one) => one.imageId === imageId);
    if (!found) {
      return null;
    }
    const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, InstanceNumber } = found.instance;
    const frames = Number(found.instance.NumberOfFrames ?? 1);
    const frame = frames > 1 ? Number(/frames\/(\d+)/.exec(imageId)?.[1] ?? 1) : null;
    return {
      image: {
        ...{ StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID },
        ...(frame ? { FrameNumber: frame } : {}),
      },
      series: seriesWords(found.instance),
      ...(Number.isInteger(Number(InstanceNumber)) ? { image_number: Number(InstanceNumber) } : {}),
    };
  }

  #found({ SOPInstanceUID, FrameNumber = 1 }) {
    const all = [...this.#images()].filter((one) => one.instance.SOPInstanceUID === SOPInstanceUID);
    return all.length > 1 ? (all[FrameNumber - 1] ?? all[0]) : (all[0] ?? null);
  }

  /** A viewport that shows the series: one that does already, or else the active one. */
  async #showing({ displaySet, index }) {
    const { viewportGridService } = this.#services;
    const uid = displaySet.displaySetInstanceUID;
    const { viewports } = viewportGridService.getState();
    const shows = (id) => viewports.get(id)?.displaySetInstanceUIDs?.includes(uid);
    const active = this.#activeId();
    const already = shows(active) ? active : [...viewports.keys()].find(shows);
    if (already) {
      return already;
    }
    await this.#commands.run("setDisplaySetsForViewports", {
      viewportsToUpdate: [
        {
          viewportId: active,
          displaySetInstanceUIDs: [uid],
          viewportOptions: { initialImageOptions: { index } },
        },
      ],
    });
    await this.#drawn(active, uid);
    return active;
  }

  /** Waits, for a moment, until a viewport shows the series it was given. */
  async #drawn(viewportId, displaySetInstanceUID) {
    const first = this.#services.displaySetService.getDisplaySetByUID(displaySetInstanceUID);
    const ids = new Set(first?.imageIds ?? first?.images?.map((one) => one.imageId) ?? []);
    for (let look = 0; look < 60; look += 1) {
      const now = this.#viewport(viewportId)?.getCurrentImageId?.();
      if (now && ids.has(now)) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

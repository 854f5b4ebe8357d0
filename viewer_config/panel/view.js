// The part of an image that a viewport shows, and how: kept with a key image, and shown again.
// Cornerstone's own zoom and pan are pixels of one window (`getViewPresentation`); here they are mm
// of the patient, so that the same part is found again in a window of another size.

const FULL_TURN_DEG = 360;

const toTenths = (value) => Math.round(value * 10) / 10;
const distance = (from, to) => Math.hypot(...from.map((at, axis) => at - to[axis]));

/**
 * What stands in the middle of a viewport and how much around it: `{middle_mm, width_mm, height_mm}`,
 * in the patient's coordinates, and how it is turned where it is. `worldAt([x, y])` gives the place
 * below a pixel of a canvas of `width` x `height`; `turned` is `{rotation, flipHorizontal, flipVertical}`.
 */
export function viewOf({ width, height, worldAt, turned, inverted }) {
  const rotation = toTenths(turned.rotation ?? 0) % FULL_TURN_DEG;
  return {
    middle_mm: Array.from(worldAt([width / 2, height / 2]), toTenths),
    width_mm: toTenths(distance(worldAt([0, height / 2]), worldAt([width, height / 2]))),
    height_mm: toTenths(distance(worldAt([width / 2, 0]), worldAt([width / 2, height]))),
    ...(rotation ? { rotation_deg: rotation } : {}),
    ...(turned.flipHorizontal ? { flipped_horizontally: true } : {}),
    ...(turned.flipVertical ? { flipped_vertically: true } : {}),
    ...(inverted ? { inverted: true } : {}),
  };
}

/** How many mm of height a canvas of `width` x `height` shows when all of a view is to be seen. */
export const heightToShow = (view, { width, height }) =>
  Math.max(view.height_mm, (view.width_mm * height) / width);

const sizeOf = ({ canvas }) => ({ width: canvas.clientWidth, height: canvas.clientHeight });

/** The view of a Cornerstone viewport, or null while nothing is drawn in it. */
export function viewIn(viewport) {
  const { width, height } = sizeOf(viewport);
  if (!(width > 0 && height > 0)) {
    return null;
  }
  return viewOf({
    ...{ width, height },
    worldAt: (point) => viewport.canvasToWorld(point),
    turned: viewport.getViewPresentation(),
    inverted: viewport.getProperties().invert,
  });
}

/** Show a view again in a Cornerstone viewport that stands on its slice. */
export function showView(viewport, view) {
  const size = sizeOf(viewport);
  viewport.setProperties({ invert: view.inverted ?? false });
  // Not by `setViewPresentation`, which mirrors but does not take a mirroring back.
  viewport.setCamera({
    flipHorizontal: view.flipped_horizontally ?? false,
    flipVertical: view.flipped_vertically ?? false,
  });
  viewport.setRotation(view.rotation_deg ?? 0);
  viewport.setCamera({ parallelScale: heightToShow(view, size) / 2 });
  // Where the middle is by now, after turning and zooming; from there it is moved to the canvas's.
  const [x, y] = viewport.worldToCanvas(view.middle_mm);
  const [panX, panY] = viewport.getPan();
  viewport.setPan([panX + size.width / 2 - x, panY + size.height / 2 - y]);
}

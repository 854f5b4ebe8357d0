// A mark on every viewport that does not show the whole picture yet: nobody may take a preview for
// the image on which they decide.

const CLASS = "mgn-preview-mark";
const LOOK = {
  position: "absolute",
  top: "6px",
  left: "50%",
  transform: "translateX(-50%)",
  zIndex: "10",
  padding: "2px 10px",
  borderRadius: "10px",
  background: "rgba(120, 72, 0, 0.88)",
  color: "#fff",
  font: "600 12px/1.5 Inter, system-ui, sans-serif",
  whiteSpace: "nowrap",
  pointerEvents: "none",
};
const AGAIN_MS = 200;

/** What the mark says of a stack's image or of a volume's slices; "" when all is there. Pure. */
export function wordsFor({ isFull, whole, all }) {
  if (all !== undefined) {
    return whole < all ? `Preview: ${Math.floor((100 * whole) / all)} % in full detail` : "";
  }
  return isFull ? "" : "Preview: full detail is coming";
}

function show(element, words) {
  let mark = element.querySelector(`:scope > .${CLASS}`);
  if (!words) {
    mark?.remove();
    return;
  }
  if (!mark) {
    mark = element.ownerDocument.createElement("div");
    mark.className = CLASS;
    mark.setAttribute("role", "status");
    Object.assign(mark.style, LOOK);
    element.append(mark);
  }
  if (mark.textContent !== words) {
    mark.textContent = words;
  }
}

/** Marks all viewports of this Cornerstone, now and later. */
export function markPreviews(cornerstone) {
  const { Enums, eventTarget, cache, getEnabledElement } = cornerstone;
  const { Events, ImageQualityStatus } = Enums;
  const full = ImageQualityStatus.FULL_RESOLUTION;
  const elements = new Set();

  function ofVolumes(viewport) {
    const volumes = viewport.getAllVolumeIds().map((id) => cache.getVolume(id)).filter(Boolean);
    const imageIds = volumes
      .flatMap((volume) => volume.imageIds ?? [])
      .filter((imageId) => imageId.startsWith("wadors:"));
    const whole = imageIds.filter((imageId) => cache.isLoaded(imageId)).length;
    return wordsFor({ whole, all: imageIds.length });
  }

  function look(element) {
    const viewport = getEnabledElement(element)?.viewport;
    if (!viewport) {
      return;
    }
    if (typeof viewport.getAllVolumeIds === "function") {
      show(element, ofVolumes(viewport));
      return;
    }
    const status = viewport.csImage?.imageQualityStatus;
    show(element, wordsFor({ isFull: status === undefined || status === full }));
  }

  let waiting = false;
  const lookSoon = () => {
    if (!waiting) {
      waiting = true;
      setTimeout(() => {
        waiting = false;
        elements.forEach(look);
      }, AGAIN_MS);
    }
  };
  const newImage = (event) => {
    const status = event.detail.image?.imageQualityStatus;
    const isFull = status === undefined || status === full;
    show(event.currentTarget, wordsFor({ isFull }));
  };
  eventTarget.addEventListener(Events.ELEMENT_ENABLED, ({ detail: { element } }) => {
    elements.add(element);
    element.addEventListener(Events.STACK_NEW_IMAGE, newImage);
    element.addEventListener(Events.VOLUME_VIEWPORT_NEW_VOLUME, lookSoon);
  });
  eventTarget.addEventListener(Events.ELEMENT_DISABLED, ({ detail: { element } }) => {
    elements.delete(element);
    element.removeEventListener(Events.STACK_NEW_IMAGE, newImage);
    element.removeEventListener(Events.VOLUME_VIEWPORT_NEW_VOLUME, lookSoon);
  });
  [Events.IMAGE_VOLUME_MODIFIED, Events.IMAGE_CACHE_IMAGE_ADDED].forEach((name) =>
    eventTarget.addEventListener(name, lookSoon),
  );
}

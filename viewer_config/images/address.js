// The parts of a frame's address, as OHIF writes it into an image id. Pure.

const FRAME =
  /^wadors:(.*\/studies\/([0-9.]+)\/series\/([0-9.]+))\/instances\/([0-9.]+)\/frames\/(\d+)(?:[?#].*)?$/;

/** The name of a frame within its series. */
export const frameKey = (instance, frame) => `${instance}/${frame}`;

/** `{url, seriesUrl, study, series, key}`, or null for an image id of another kind. */
export function addressOf(imageId) {
  const found = FRAME.exec(imageId);
  if (!found) {
    return null;
  }
  const [, seriesUrl, study, series, instance, frame] = found;
  return {
    url: imageId.slice("wadors:".length),
    seriesUrl,
    study,
    series,
    key: frameKey(instance, Number(frame)),
  };
}

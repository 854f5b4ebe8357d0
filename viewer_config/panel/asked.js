// The address of the case's questions. Pure: what the viewer shows is handed in.
import { evidenceWords, keyImage } from "./evidence.js";

/** Where the questions are asked, about the image `shown` (see `viewer.shown`) or about none. */
export function questionsAddress(root, shown) {
  const address = `${root}/questions`;
  if (!shown) {
    return `${address}#new`;
  }
  const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, FrameNumber } = shown.image;
  const asked = new URLSearchParams({
    study: StudyInstanceUID,
    series: SeriesInstanceUID,
    instance: SOPInstanceUID,
    frame: String(FrameNumber ?? 1),
    label: evidenceWords(keyImage(shown)),
  });
  return `${address}?${asked}#new`;
}

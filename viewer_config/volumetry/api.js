// What is asked of the server here: a cut tried, a region grown. Both answer at once and are worked on
// in the background; how far they are stands in the case's volumes.
import { ApiError, launchPath } from "../panel/api.js";

const TIMEOUT_MS = 30000;

async function post(name, body) {
  let answer;
  try {
    answer = await fetch(`${launchPath()}/api/${name}`, {
      method: "POST",
      headers: {
        Accept: "application/json",
        "Content-Type": "application/json",
        "X-Margin-Panel": "1",
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    });
  } catch {
    throw new ApiError(0, null);
  }
  const said = await answer.json().catch(() => null);
  if (!answer.ok) {
    throw new ApiError(answer.status, said);
  }
  return said.volumes[0];
}

/** Have `cut` tried on the liver of a measured volume. Throws ApiError. */
export const tryCut = (volumeId, cut) => post("resections", { volume: volumeId, cut });

/** Have a region grown: `{organ, StudyInstanceUID, SeriesInstanceUID, seed_mm, liver}`. */
export const growRegion = (asked) => post("regions", asked);

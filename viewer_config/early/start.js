// Runs before OHIF does, while its bundles are still being read: asks for what OHIF is going to ask
// for, so that the answers are there when it does. What is not there by then, or fails, OHIF asks
// for itself as if nothing had been.
import { isWide, shownFirst } from "../hanging/phases.js";
import { fetchFrame, overviewUrl, piecesOf } from "../images/series.js";
import { Ahead } from "./ahead.js";
import { answerFrom } from "./answers.js";

const MOST_STUDIES = 2;
const JSON_TYPE = "application/dicom+json";
// The questions of OHIF 3.13, to the letter but for the order of parameters.
const ABOUT_STUDY =
  "limit=101&offset=0&fuzzymatching=false&includefield=00081030,00080060,00080090,00100030";
// Its route, its list of studies and its thumbnails ask the same, each for itself.
const TIMES_ABOUT_STUDY = 3;
const ABOUT_SERIES = "includefield=00080021,00080031,0008103E,00200011";

const place = /^\/r\/[A-Za-z0-9_-]+(?=\/view\/)/.exec(window.location.pathname);
const parameters = new URLSearchParams(window.location.search);

async function ask(url, accept) {
  const answer = await fetch(url, { headers: { Accept: accept }, credentials: "same-origin" });
  if (!answer.ok) {
    return null;
  }
  return {
    contentType: answer.headers.get("Content-Type") ?? "",
    body: await answer.arrayBuffer(),
  };
}

const settled = (promise) => promise.catch(() => null);

/** Pieces that are read at once and given to one reader, whenever it comes. */
function readNow(pieces) {
  const held = [];
  let ended = false;
  let failure = null;
  let wake = () => {};
  (async () => {
    try {
      for await (const piece of pieces) {
        held.push(piece);
        wake();
      }
    } catch (error) {
      failure = error;
    } finally {
      ended = true;
      wake();
    }
  })();
  return (async function* () {
    for (;;) {
      while (held.length > 0) {
        yield held.shift();
      }
      if (failure) {
        throw failure;
      }
      if (ended) {
        return;
      }
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
  })();
}

const value = (series, tag) => series[tag]?.Value?.[0];

const describedBy = (phases) => (series) => {
  return {
    phase: phases[series.SeriesInstanceUID],
    description: value(series, "0008103E"),
    modality: value(series, "00080060"),
    instances: series.instances,
    thickness_mm: Number(value(series, "00180050") ?? 0),
  };
};

/** What the server found of the phases; nothing where it has not looked yet, or does not say. */
async function phasesFound() {
  const answer = await settled(ask(`${place[0]}/api/phases`, "application/json"));
  return answer ? JSON.parse(new TextDecoder().decode(answer.body)).phases : {};
}

async function open(root, study, first, early) {
  const answers = early.answers;
  const about = `${root}/studies?${ABOUT_STUDY}&StudyInstanceUID=${study}`;
  answers.put(about, ask, JSON_TYPE, TIMES_ABOUT_STUDY);
  answers.put(`${root}/studies/${study}/series?${ABOUT_SERIES}`, ask, JSON_TYPE);
  const [opening] = await Promise.all([
    settled(ask(`${root}/studies/${study}/opening`, "application/json")),
    early.phasesKnown,
  ]);
  if (!opening) {
    return;
  }
  const { series } = JSON.parse(new TextDecoder().decode(opening.body));
  const shown = shownFirst(series, describedBy(early.phases), isWide(window.innerWidth));
  const urlOf = (one) => `${root}/studies/${study}/series/${one.SeriesInstanceUID}`;
  const inOrder = [...shown, ...series.filter((one) => !shown.includes(one))];
  inOrder.forEach((one) => answers.put(`${urlOf(one)}/metadata`, ask, JSON_TYPE));
  if (!first || shown.length === 0) {
    return;
  }
  for (const one of shown) {
    const url = `${urlOf(one)}/instances/${one.middle}/frames/1`;
    early.frames.set(url, settled(fetchFrame({ address: { url } })));
  }
  await Promise.all(early.frames.values());
  const overview = overviewUrl(urlOf(shown[0]));
  early.ahead = new Ahead(urlOf(shown[0]), early.frames);
  early.overviews.set(overview, readNow(early.ahead.after(piecesOf(overview))));
}

function start() {
  const studies = parameters
    .getAll("StudyInstanceUIDs")
    .flatMap((text) => text.split(","))
    .filter((uid) => /^[0-9.]{1,64}$/.test(uid));
  const early = {
    ...{ answers: answerFrom(window), frames: new Map(), overviews: new Map() },
    phases: {},
  };
  window.marginEarly = early;
  early.phasesKnown = phasesFound()
    .then((phases) => Object.assign(early.phases, phases))
    .catch(() => {});
  studies
    .slice(0, MOST_STUDIES)
    .forEach((study, index) =>
      open(`${place[0]}/dicom-web`, study, index === 0, early).catch(() => {}),
    );
}

if (place) {
  start();
}

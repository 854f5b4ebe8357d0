// How OHIF's viewports load: a small picture of every slice first, the current slice whole next,
// then the others around it. Given to Cornerstone as its retrieve configuration.
import { addressOf } from "./address.js";
import { Line, Passed } from "./line.js";
import { Outage } from "./outage.js";
import { Pictures } from "./pictures.js";
import { FrameNotGiven, SeriesFrames, wholeFrame } from "./series.js";

// A volume shows a slice in place of its neighbours until they come: the overview sends every
// eighth first.
const NEIGHBOURS = 4;
const DRAWN_EVERY_MS = 700;
// A share of a volume's slices: after so many new ones it is drawn again.
const DRAWN_EVERY_SHARE = 0.05;

const isAway = (error) => error instanceof FrameNotGiven && error.isAway;

export class Loader {
  #cornerstone;
  #pictures;
  #line;
  #outage;
  #series = new Map();
  #looked = new Map();
  #early;
  #drawing = new Map();
  #isActive;

  /**
   * `early` holds what was asked for before the viewer was running; `isActive(viewportId)` says which
   * of several viewports is worked in: its series comes first; `after` replaces the clock in tests.
   */
  constructor(cornerstone, { early = {}, isActive = () => true, after } = {}) {
    this.#isActive = isActive;
    this.#cornerstone = cornerstone;
    this.#early = early;
    this.#pictures = new Pictures(cornerstone);
    this.#line = new Line((frame) => this.#ask(frame));
    this.#outage = new Outage({
      hold: () => this.#line.hold(),
      goOn: () => this.#askAgain(),
      after,
    });
  }

  async #ask(frame) {
    const bytes = await wholeFrame(frame, this.#early.frames);
    this.#outage.ended();
    return bytes;
  }

  /** The browser says that the line is there again. */
  lineIsBack() {
    this.#outage.ended();
  }

  /** What was not answered, and first what somebody looks at. */
  #askAgain() {
    this.#series.forEach((series) => series.askAgain());
    for (const { frame, viewport } of [...this.#looked.values()]) {
      if (!frame.whole && viewport.getCurrentImageId?.() === frame.imageId) {
        this.#loadSlice(frame.imageId, viewport);
      }
    }
  }

  /** How far all series are that were looked at: `[{all, preview, drawn, whole}]`. */
  get counts() {
    return [...this.#series.values()].map((series) => series.counts);
  }

  /** Hand Cornerstone our ways of loading, for stacks and for volumes. */
  install() {
    const { ProgressiveRetrieveImages: stock, utilities } = this.#cornerstone;
    const ours = (load) => (configuration) => ({
      loadImages: (imageIds, listener) =>
        imageIds.every((imageId) => addressOf(imageId))
          ? load(imageIds, listener)
          : stock.createProgressive(configuration).loadImages(imageIds, listener),
    });
    const provider = utilities.imageRetrieveMetadataProvider;
    provider.add("stack", {
      ...stock.singleRetrieveStages,
      create: ours(([imageId], viewport) => this.#loadSlice(imageId, viewport)),
    });
    provider.add("volume", {
      ...stock.interleavedRetrieveStages,
      create: ours((imageIds, volume) => this.#loadVolume(imageIds, volume)),
    });
  }

  #seriesOf(imageIds) {
    const { seriesUrl } = addressOf(imageIds[0]);
    const known = this.#series.get(seriesUrl);
    if (known && imageIds.every((imageId) => known.byImageId.has(imageId))) {
      return known;
    }
    const series = new SeriesFrames(imageIds, this.#early);
    this.#series.set(seriesUrl, series);
    return series;
  }

  #frameOf(imageId, imageIds) {
    const series = this.#seriesOf(imageIds);
    return { series, frame: series.byImageId.get(imageId) };
  }

  // ---- one slice in a stack

  async #loadSlice(imageId, viewport) {
    const imageIds = viewport.getImageIds?.() ?? [imageId];
    const { series, frame } = this.#frameOf(imageId, imageIds);
    this.#lookAt(series, frame, viewport);
    const kept = this.#pictures.kept(imageId);
    if (kept) {
      frame.whole = true;
      // OHIF darkens the picture from the moment in which scrolling is told until a new image is, and
      // it is told after this call: an image given within it would stay dark.
      await null;
      viewport.successCallback(imageId, kept);
      this.#fill(series);
      return;
    }
    await new Promise((shown) => {
      const isCurrent = () => viewport.getCurrentImageId?.() === imageId;
      const options = viewport.getLoaderImageOptions(imageId);
      const end = this.#showPreview(series, frame, options, (image) => {
        frame.drawn = true;
        if (isCurrent() && !frame.whole) {
          viewport.successCallback(imageId, image);
        }
        shown();
      });
      this.#wholeNow(frame, options)
        .then(
          (image) => viewport.successCallback(imageId, image),
          (error) => {
            if (isAway(error)) {
              this.#outage.began();
            }
            if (!(error instanceof Passed)) {
              viewport.errorCallback(imageId, true, error);
            }
          },
        )
        .finally(() => {
          end();
          shown();
          this.#fill(series);
        });
    });
  }

  /** What somebody scrolled past is no longer urgent; what lies ahead comes next. */
  #lookAt(series, frame, viewport) {
    const before = this.#looked.get(viewport.id);
    this.#looked.set(viewport.id, { series, frame, viewport });
    const same = before?.series === series;
    if (before && before.frame !== frame) {
      const others = [...this.#looked.values()];
      if (!others.some((one) => one.frame === before.frame)) {
        this.#line.notNow(before.frame);
      }
    }
    series.focusOn(frame.index, same ? frame.index - before.frame.index : 1);
    if (series.source && this.#isActive(viewport.id)) {
      this.#line.raise(series.source);
    }
  }

  #showPreview(series, frame, options, show) {
    let wanted = true;
    const draw = (which) => {
      if (which !== frame) {
        return;
      }
      this.#pictures.preview(frame, options).then(
        (image) => wanted && show(image),
        () => {},
      );
    };
    const end = series.onPreview(draw);
    if (frame.preview) {
      draw(frame);
    }
    return () => {
      wanted = false;
      end();
    };
  }

  async #wholeNow(frame, options) {
    const bytes = await this.#line.now(frame);
    return this.#decoded(frame, bytes, options);
  }

  async #decoded(frame, bytes, options) {
    const image =
      this.#pictures.kept(frame.imageId) ??
      (await this.#pictures.whole(frame.imageId, bytes, options));
    const { FULL_RESOLUTION } = this.#cornerstone.Enums.ImageQualityStatus;
    image.imageQualityStatus = FULL_RESOLUTION;
    frame.whole = true;
    return image;
  }

  /** The overview of a series that is looked at, and then all its frames whole. */
  #fill(series) {
    if (series.source) {
      return;
    }
    const options = {
      useRGBA: false,
      requestType: this.#cornerstone.Enums.RequestType.Prefetch,
      priority: 0,
    };
    this.#follow(series, {
      isWanted: () => true,
      use: (frame, bytes) => this.#decoded(frame, bytes, options),
      // Asked again by whoever looks at it, and refused where it can be seen.
      fail: () => {},
    });
  }

  /** Fetch a series in the background: `use(frame, bytes)` or `fail(frame, error)` for each. */
  #follow(series, { isWanted, use, fail }) {
    this.#early.ahead?.stop();
    if (series.source) {
      this.#line.remove(series.source);
    }
    series.source = {
      next: () => (isWanted() ? series.next() : null),
      take: (frame, answer) => {
        frame.asked = true;
        answer
          .then((bytes) => use(frame, bytes))
          .catch((error) => {
            if (isAway(error)) {
              frame.unanswered = true;
              this.#outage.began();
            } else if (!series.failed(frame)) {
              fail(frame, error);
            }
          })
          .finally(() => this.#line.go());
      },
    };
    const isBeside = this.#line.sources > 0;
    const release = this.#line.hold();
    this.#line.add(series.source);
    series.overview(isBeside).finally(release);
  }

  // ---- a volume

  #loadVolume(imageIds, volume) {
    const series = this.#seriesOf(imageIds);
    const open = new Set(series.frames.filter((frame) => imageIds.includes(frame.imageId)));
    const shownFor = new Map();
    const place = new Map(imageIds.map((imageId, index) => [imageId, index]));
    volume.reRenderFraction = imageIds.length * DRAWN_EVERY_SHARE;
    return new Promise((resolve) => {
      const closed = (frame) => {
        open.delete(frame);
        if (open.size === 0) {
          end();
          resolve(true);
        }
      };
      const draw = (frame) => this.#drawInVolume(frame, volume, { place, imageIds, shownFor });
      const end = series.onPreview(draw);
      series.frames.filter((frame) => frame.preview && !frame.whole).forEach(draw);
      const isWanted = () => !volume.loadStatus?.cancelled;
      const use = async (frame, bytes) => {
        const options = volume.getLoaderImageOptions(frame.imageId);
        volume.successCallback(frame.imageId, await this.#decoded(frame, bytes, options));
        closed(frame);
      };
      const fail = (frame, error) => {
        volume.errorCallback(frame.imageId, true, error);
        closed(frame);
      };
      this.#takeKept([...open], volume, closed);
      if (open.size > 0) {
        this.#follow(series, { isWanted, use, fail });
      }
    });
  }

  /** Slices that Cornerstone has already; the others are asked for, also those a stack asked. */
  #takeKept(frames, volume, closed) {
    for (const frame of frames) {
      const kept = this.#pictures.kept(frame.imageId);
      frame.whole = Boolean(kept);
      frame.asked = false;
      if (kept) {
        volume.successCallback(frame.imageId, kept);
        closed(frame);
      }
    }
  }

  async #drawInVolume(frame, volume, { place, imageIds, shownFor }) {
    const { cache, Enums } = this.#cornerstone;
    const { ADJACENT_REPLICATE } = Enums.ImageQualityStatus;
    const options = volume.getLoaderImageOptions(frame.imageId);
    let image;
    try {
      image = await this.#pictures.preview(frame, options);
    } catch {
      return;
    }
    const here = place.get(frame.imageId);
    const put = (index, picture, distance) => {
      const imageId = imageIds[index];
      const nearest = shownFor.get(imageId) ?? Infinity;
      if (imageId === undefined || distance >= nearest || cache.isLoaded(imageId)) {
        return;
      }
      shownFor.set(imageId, distance);
      this.#pictures.keepForNow(imageId, picture);
      volume.vtkOpenGLTexture.setUpdatedFrame(index);
      this.#drawSoon(volume);
    };
    frame.drawn = true;
    put(here, image, 0);
    for (let step = 1; step <= NEIGHBOURS; step += 1) {
      for (const index of [here - step, here + step]) {
        const imageId = imageIds[index];
        put(index, { ...image, imageId, imageQualityStatus: ADJACENT_REPLICATE }, step);
      }
    }
  }

  /** Draw the viewports of a volume, but not after each of its slices. */
  #drawSoon(volume) {
    if (this.#drawing.has(volume)) {
      return;
    }
    const timer = setTimeout(() => {
      this.#drawing.delete(volume);
      const { getRenderingEngines } = this.#cornerstone;
      for (const engine of getRenderingEngines()) {
        const showing = engine
          .getViewports()
          .filter((one) => one.hasVolumeId?.(volume.volumeId))
          .map((one) => one.id);
        engine.renderViewports(showing);
      }
    }, DRAWN_EVERY_MS);
    this.#drawing.set(volume, timer);
  }
}

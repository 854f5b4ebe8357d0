// From bytes to Cornerstone's images. Cornerstone's own loader does the decoding in its workers; it
// asks the metadata providers for a frame's bytes before it asks the server, and is answered here.

import { enlarged } from "./enlarge.js";

const FRAME_BYTES = "compressedFrameData"; // its name for the bytes of a frame that are at hand
const ABOVE_OHIFS_OWN = 100000;

export class Pictures {
  #cornerstone;
  #handed = null;

  constructor(cornerstone) {
    this.#cornerstone = cornerstone;
    cornerstone.metaData.addProvider((type, query) => this.#answer(type, query), ABOVE_OHIFS_OWN);
  }

  #answer(type, imageId) {
    if (type !== FRAME_BYTES || this.#handed?.imageId !== imageId) {
      return undefined;
    }
    const { data, syntax } = this.#handed;
    return { pixelData: data, transferSyntaxUid: syntax };
  }

  /** The loader is called, and has asked for the bytes, before `load` returns. */
  #with(handed, load) {
    this.#handed = handed;
    try {
      return load();
    } finally {
      this.#handed = null;
    }
  }

  /** A frame at a low resolution, drawn up to its full size. Not kept by Cornerstone's cache. */
  async preview(frame, options) {
    const { imageId, preview } = frame;
    // The worker is given the bytes for good, and they are needed again for the whole frame.
    const handed = { imageId, data: preview.data.slice(), syntax: preview.syntax };
    const image = await this.#with(handed, () =>
      this.#cornerstone.imageLoader.loadImage(imageId, {
        ...options,
        // With rows and columns the worker would stretch the picture, and not where it belongs.
        targetBuffer: { type: options.targetBuffer?.type ?? "Int16Array" },
        decodeLevel: preview.halvings,
        ignoreCache: true,
      }),
    );
    return this.#drawnUp(image, preview.halvings);
  }

  #drawnUp(image, halvings) {
    const { Enums, metaData, utilities } = this.#cornerstone;
    const { rows, columns } = metaData.get("imagePixelModule", image.imageId);
    const small = image.voxelManager.getScalarData();
    const scalarData = enlarged(small, { rows, columns, halvings });
    const size = { width: columns, height: rows, numberOfComponents: 1 };
    return {
      ...image,
      ...{ rows, columns, width: columns, height: rows },
      sizeInBytes: scalarData.byteLength,
      imageFrame: { ...image.imageFrame, rows, columns },
      voxelManager: utilities.VoxelManager.createImageVoxelManager({ ...size, scalarData }),
      getPixelData: () => scalarData,
      imageQualityStatus: Enums.ImageQualityStatus.SUBRESOLUTION,
    };
  }

  /** A whole frame, decoded and in Cornerstone's cache. */
  whole(imageId, { data, syntax }, options) {
    return this.#with({ imageId, data, syntax }, () =>
      this.#cornerstone.imageLoader.loadAndCacheImage(imageId, { ...options }),
    );
  }

  /** The whole image, when Cornerstone has it. */
  kept(imageId) {
    const { cache, Enums } = this.#cornerstone;
    return cache.isLoaded(imageId)
      ? cache.getImage(imageId, Enums.ImageQualityStatus.FULL_RESOLUTION)
      : undefined;
  }

  /** What a volume shows until the whole frame is there. */
  keepForNow(imageId, image) {
    this.#cornerstone.cache.setPartialImage(imageId, image);
  }
}

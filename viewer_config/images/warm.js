// The decoder, started before there is anything to decode: its worker's script and 2 MB of
// WebAssembly are read while the study's metadata is on its way, not after.

// 8 x 8 zeros as HTJ2K, 16 bit signed.
const SMALLEST =
  "/0//UQApQAAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAABjwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB" +
  "/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAABQAAf+TAAAAAAAA/9k=";
const SIDE = 8;
const HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"; // PS3.5 10.17
const WORKERS = 2;

/** Let two of Cornerstone's workers decode something that nobody sees. */
export function warmDecoders(cornerstone) {
  const bytes = () => Uint8Array.from(atob(SMALLEST), (letter) => letter.charCodeAt(0));
  const imageFrame = {
    samplesPerPixel: 1,
    photometricInterpretation: "MONOCHROME2",
    rows: SIDE,
    columns: SIDE,
    bitsAllocated: 16,
    bitsStored: 16,
    pixelRepresentation: 1,
  };
  for (let worker = 0; worker < WORKERS; worker += 1) {
    cornerstone
      .getWebWorkerManager()
      .executeTask("dicomImageLoader", "decodeTask", {
        imageFrame,
        transferSyntax: HTJ2K_LOSSLESS,
        pixelData: bytes(),
        options: { preScale: { enabled: false } },
        decodeConfig: {},
      })
      .catch(() => {});
  }
}

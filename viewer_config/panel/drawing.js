// Starting a segmentation in OHIF with the segments the server measures, already named.

const SEGMENTATION_PANEL =
  "@ohif/extension-cornerstone.panelModule.panelSegmentationWithToolsLabelMap";
// In this order, because OHIF numbers the stored segments without gaps but keeps the drawn
// numbers in the frames: a segment left empty must not stand before one that is drawn, and
// the tumour is the one that may be absent.
export const SEGMENT_LABELS = ["liver", "FLR", "tumour"];

/** Opens OHIF's segmentation tab on a new, empty segmentation of the active viewport. */
export async function drawVolumes({ services, commandsManager }) {
  const { panelService, segmentationService, viewportGridService } = services;
  const segmentationId = await commandsManager.run({
    commandName: "createLabelmapForViewport",
    commandOptions: {
      viewportId: viewportGridService.getActiveViewportId(),
      options: { label: SEGMENT_LABELS.join(", "), createInitialSegment: true },
    },
    context: "CORNERSTONE",
  });
  if (!segmentationId) {
    return;
  }
  const [first, ...others] = SEGMENT_LABELS;
  segmentationService.setSegmentLabel(segmentationId, 1, first);
  others.forEach((label) => segmentationService.addSegment(segmentationId, { label }));
  segmentationService.setActiveSegment(segmentationId, 1);
  panelService.activatePanel(SEGMENTATION_PANEL, true);
}

// The mode "margin": OHIF's basic viewer, with the resectability panel open on the right and
// the stock tools for drawing segmentations and measuring behind it.
const PANEL = "margin.panelModule.resectability";
const SEGMENTATION = "@ohif/extension-cornerstone.panelModule.panelSegmentationWithToolsLabelMap";
const MEASUREMENT = "@ohif/extension-cornerstone.panelModule.panelMeasurement";

// The stock list also holds two tools that fetch a neural network from a third party.
const LABEL_MAP_TOOLS = ["BrushTools", "ClickSegment", "Shapes", "LabelMapEditWithContour"];

const NARROWEST_PANEL_PX = 360;
const WIDEST_PANEL_PX = 460;
const PANEL_SHARE_OF_WINDOW = 0.25;
const SERIES_WIDTH_PX = 190;

function panelWidth() {
  const share = Math.round(window.innerWidth * PANEL_SHARE_OF_WINDOW);
  return Math.min(WIDEST_PANEL_PX, Math.max(NARROWEST_PANEL_PX + 30, share));
}

function withOurPanels(route) {
  const props = {
    ...route.layoutInstance.props,
    rightPanels: [PANEL, SEGMENTATION, MEASUREMENT],
    rightPanelClosed: false,
    rightPanelInitialExpandedWidth: panelWidth(),
    rightPanelMinimumExpandedWidth: NARROWEST_PANEL_PX,
    leftPanelInitialExpandedWidth: SERIES_WIDTH_PX,
  };
  return { ...route, layoutInstance: { ...route.layoutInstance, props } };
}

async function modeFactory({ loadModules }) {
  const [basic] = await loadModules(["@ohif/mode-basic"]);
  const stock = basic.modeFactory({});
  const segmentationTools = { $reference: "cornerstone.segmentationTools" };
  return {
    ...stock,
    id: "margin",
    routeName: "margin",
    displayName: "Resectability review",
    hide: false,
    routes: stock.routes.map(withOurPanels),
    modeCustomizations: "marginModeCustomizations",
    toolbarButtons: [
      ...stock.toolbarButtons,
      { $reference: "cornerstone.segmentationToolbarButtons" },
    ],
    toolbarSections: [
      ...stock.toolbarSections,
      { $reference: "cornerstone.segmentationToolbarSections" },
      { LabelMapTools: LABEL_MAP_TOOLS },
    ],
    toolGroupAdditions: {
      ...stock.toolGroupAdditions,
      default: [segmentationTools],
      mpr: [segmentationTools],
    },
  };
}

export default {
  id: "margin",
  modeFactory,
  customizations: {
    marginModeCustomizations: { "panelSegmentation.disableEditing": false },
  },
};

// The mode "margin": OHIF's basic viewer, with the resectability panel open on the right and
// the stock tools for drawing segmentations and measuring behind it.
import { COMPARE } from "./hanging/compare.js";
import { OPENING, PHASES_STAGES, PRIOR_STAGES } from "./hanging/protocols.js";
import { isShared } from "./shared.js";

const PANEL = "margin.panelModule.resectability";
const SEGMENTATION = "@ohif/extension-cornerstone.panelModule.panelSegmentationWithToolsLabelMap";
const MEASUREMENT = "@ohif/extension-cornerstone.panelModule.panelMeasurement";

// The stock list also holds two tools that fetch a neural network from a third party.
const LABEL_MAP_TOOLS = ["BrushTools", "ClickSegment", "Shapes", "LabelMapEditWithContour"];

// One click to what else a surgeon looks for; the stock list of layouts takes two and a search.
const ONE_CLICK = [
  {
    id: "MarginPhases",
    icon: "layout-common-1x2",
    label: "Phases",
    tooltip: "Arterial, portal venous and delayed phase beside each other; once more: back",
    command: COMPARE,
    options: { stages: PHASES_STAGES, missing: "This case has no two phases to set side by side." },
  },
  {
    id: "MarginPrior",
    icon: "layout-common-1x1",
    label: "Prior",
    tooltip: "The study before beside this one; once more: back",
    command: COMPARE,
    options: { stages: PRIOR_STAGES, missing: "This case has no earlier study." },
  },
  {
    id: "MarginMpr",
    icon: "layout-advanced-mpr",
    label: "MPR",
    tooltip: "Three planes; once more: back",
    command: "toggleHangingProtocol",
    options: { protocolId: "mpr" },
  },
  {
    id: "Margin3d",
    icon: "layout-advanced-3d-four-up",
    label: "3D",
    tooltip: "Three planes and a volume; once more: back",
    command: "toggleHangingProtocol",
    options: { protocolId: "fourUp" },
  },
].map(({ id, icon, label, tooltip, command, options }) => ({
  id,
  uiType: "ohif.toolButton",
  props: {
    ...{ icon, label, tooltip, evaluate: "evaluate.action" },
    commands: { commandName: command, commandOptions: options },
  },
}));
const TOOLBAR = [
  ...["MeasurementTools", "Zoom", "Pan", "TrackballRotate", "WindowLevel", "Capture", "Layout"],
  ...ONE_CLICK.map(({ id }) => id),
  ...["Crosshairs", "MoreTools"],
];

const NARROWEST_PANEL_PX = 360;
const WIDEST_PANEL_PX = 460;
const PANEL_SHARE_OF_WINDOW = 0.25;
const SERIES_WIDTH_PX = 190;

function panelWidth() {
  const share = Math.round(window.innerWidth * PANEL_SHARE_OF_WINDOW);
  return Math.min(WIDEST_PANEL_PX, Math.max(NARROWEST_PANEL_PX + 30, share));
}

// A recipient looks; the form and the drawing are the surgeon's.
const SHARED = isShared(window.location.search);

function withOurPanels(route) {
  const props = {
    ...route.layoutInstance.props,
    rightPanels: SHARED ? [MEASUREMENT] : [PANEL, SEGMENTATION, MEASUREMENT],
    rightPanelClosed: SHARED,
    rightPanelInitialExpandedWidth: panelWidth(),
    rightPanelMinimumExpandedWidth: NARROWEST_PANEL_PX,
    leftPanelInitialExpandedWidth: SERIES_WIDTH_PX,
  };
  return { ...route, layoutInstance: { ...route.layoutInstance, props } };
}

// A slice that is not whole yet has a preview: there is nothing to wait for while scrolling.
function scrollAtOnce({ toolGroupService }) {
  for (const id of toolGroupService.getToolGroupIds()) {
    const group = toolGroupService.getToolGroup(id);
    if (group.hasTool("StackScroll")) {
      group.setToolConfiguration("StackScroll", { debounceIfNotLoaded: false });
    }
  }
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
    hangingProtocol: OPENING,
    onModeEnter(entered) {
      const done = stock.onModeEnter.call(this, entered);
      scrollAtOnce(entered.servicesManager.services);
      return done;
    },
    modeCustomizations: "marginModeCustomizations",
    toolbarButtons: [
      ...stock.toolbarButtons,
      { $reference: "cornerstone.segmentationToolbarButtons" },
      ...ONE_CLICK,
    ],
    toolbarSections: [
      ...stock.toolbarSections,
      { $reference: "cornerstone.segmentationToolbarSections" },
      { LabelMapTools: LABEL_MAP_TOOLS, primary: TOOLBAR },
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

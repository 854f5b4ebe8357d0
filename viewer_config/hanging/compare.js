// The buttons that set series beside each other: the first arrangement that the case has series for,
// pressed once more back to one series, and a sentence where there is nothing to compare.
import { OPENING, opening, placesOf } from "./protocols.js";

export const COMPARE = "marginCompare";
const ALONE = "one";

/**
 * Which of the stages (ids of the protocol's, best first) has all its series; null when none has. Pure.
 *
 * `places` is what `placesOf` gives.
 */
export function stageFor(stages, places) {
  const known = opening(0).stages;
  const isMet = (id) =>
    known.find((stage) => stage.id === id).stageActivation.enabled.displaySetSelectorsMatched.every(
      (place) => places[place],
    );
  return stages.find(isMet) ?? null;
}

function stageShown(hangingProtocolService) {
  const { protocol, stage } = hangingProtocolService.getActiveProtocol();
  return protocol?.id === OPENING ? stage?.id : null;
}

/** The command: `{stages, missing}`, where `missing` is what to say when no stage has its series. */
export function comparing({ servicesManager, commandsManager }) {
  const { displaySetService, hangingProtocolService, uiNotificationService } =
    servicesManager.services;
  return ({ stages, missing }) => {
    const stageId = stageFor(stages, placesOf(displaySetService.getActiveDisplaySets()));
    if (stageId === null) {
      uiNotificationService.show({ title: "Nothing to compare", message: missing, type: "info" });
      return;
    }
    const again = stageShown(hangingProtocolService) === stageId;
    commandsManager.runCommand("setHangingProtocol", {
      ...{ protocolId: OPENING, stageId: again ? ALONE : stageId },
    });
  };
}

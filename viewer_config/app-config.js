// OHIF's configuration. The page stands at /r/<launch>/view/..., and everything it may read
// stands below /r/<launch>/ too: the launch id is all it knows, and the browser's cookie does
// the rest. No token is ever part of an address.
(function () {
  "use strict";

  const place = /^\/r\/([A-Za-z0-9_-]+)\/view(?:\/|$)/.exec(window.location.pathname);
  const launch = place ? `/r/${place[1]}` : "";
  const dicomWeb = `${launch}/dicom-web`;

  document.title = "Margin: resectability review";

  // Our modules lie beside this file, in a folder named after what is in it.
  const ours = new URL(".", document.currentScript.src).pathname;

  // One refusal usually meets dozens of requests at once, and is told once.
  let told = false;
  const tell = (servicesManager, status) => {
    if (told || (status !== 401 && status !== 403)) {
      return;
    }
    told = true;
    servicesManager.services.uiNotificationService.show({
      title: "Your access has ended",
      message:
        "The link was withdrawn or has expired. What the panel shows as saved is kept. " +
        "Open your link again, or ask the coordinator for a new one.",
      type: "error",
      duration: 3600000,
    });
  };

  const configuration = ({ servicesManager }) => {
    // Modes and extensions of the stock build that no Margin case needs. They are loaded
    // before the first image, so what is not listed is not waited for.
    window.modes.length = 0;
    window.extensions.splice(
      0,
      window.extensions.length,
      "@ohif/extension-default",
      "@ohif/extension-cornerstone",
    );
    return {
      name: "margin",
      routerBasename: `${launch}/view`,
      extensions: [`${ours}extension.js`],
      modes: [`${ours}mode.js`],
      showStudyList: false,
      // Where OHIF shows its own name: the way back to the case.
      whiteLabeling: {
        createLogoComponentFn: (React) =>
          React.createElement(
            "a",
            { href: `${launch}/`, className: "mgn-home", title: "Back to the case" },
            "Margin",
          ),
      },
      investigationalUseDialog: { option: "never" },
      showWarningMessageForCrossOrigin: false,
      showCPUFallbackMessage: true,
      showLoadingIndicator: true,
      showErrorDetails: "production",
      strictZSpacingForVolumeViewport: true,
      maxNumberOfWebWorkers: 4,
      maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
      customizationService: {
        global: { "ohif.tours": { $set: [] } },
      },
      defaultDataSourceName: "margin",
      dataSources: [
        {
          namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
          sourceName: "margin",
          configuration: {
            friendlyName: "Margin",
            name: "margin",
            qidoRoot: dicomWeb,
            wadoRoot: dicomWeb,
            wadoUriRoot: dicomWeb,
            qidoSupportsIncludeField: true,
            supportsReject: false,
            supportsFuzzyMatching: false,
            supportsWildcard: true,
            supportsStow: true,
            imageRendering: "wadors",
            // A JPEG of a few kB per series; "wadors" would fetch one whole frame each.
            thumbnailRendering: "thumbnail",
            thumbnailRequestStrategy: "fetch",
            enableStudyLazyLoad: true,
            dicomUploadEnabled: false,
            singlepart: "bulkdata,pdf,video",
            bulkDataURI: { enabled: true, relativeResolution: "studies" },
            omitQuotationForMultipartRequest: true,
            // One frame per segment, not packed into one label map: every PACS and every
            // volumetry reads Segmentation Storage (PS3.4 B.5, 1.2.840.10008.5.1.4.1.1.66.4),
            // few read Label Map Segmentation Storage of 2024.
            segmentation: {
              store: { defaultMode: "bitmap", transferSyntaxUID: "1.2.840.10008.1.2.1" },
            },
          },
        },
      ],
      httpErrorHandler: (error) => tell(servicesManager, error?.status ?? error?.request?.status),
    };
  };
  configuration.routerBasename = `${launch}/view`;
  window.config = configuration;
})();

// OHIF's configuration for the comparison: the stock basic mode in front of Orthanc's own DICOMweb.
// Like Margin's own it loads no mode and no extension that the study does not need, and the data
// source is set the same way, so that what differs is the server.
window.config = () => {
  window.modes.splice(0, window.modes.length, "@ohif/mode-basic");
  window.extensions.splice(
    0,
    window.extensions.length,
    "@ohif/extension-default",
    "@ohif/extension-cornerstone",
  );
  return {
    name: "orthanc",
    routerBasename: "/",
    extensions: [],
    modes: [],
    showStudyList: false,
    investigationalUseDialog: { option: "never" },
    showWarningMessageForCrossOrigin: false,
    showLoadingIndicator: true,
    strictZSpacingForVolumeViewport: true,
    maxNumberOfWebWorkers: 4,
    maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
    customizationService: { global: { "ohif.tours": { $set: [] } } },
    defaultDataSourceName: "orthanc",
    dataSources: [
      {
        namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
        sourceName: "orthanc",
        configuration: {
          friendlyName: "Orthanc",
          name: "orthanc",
          qidoRoot: "/dicom-web",
          wadoRoot: "/dicom-web",
          wadoUriRoot: "/dicom-web",
          qidoSupportsIncludeField: true,
          supportsReject: false,
          supportsFuzzyMatching: false,
          supportsWildcard: true,
          supportsStow: true,
          imageRendering: "wadors",
          // The DICOMweb plugin of Debian 12 knows no /thumbnail.
          thumbnailRendering: "wadors",
          enableStudyLazyLoad: true,
          dicomUploadEnabled: false,
          singlepart: "bulkdata,pdf,video",
          bulkDataURI: { enabled: true, relativeResolution: "studies" },
          omitQuotationForMultipartRequest: true,
        },
      },
    ],
  };
};

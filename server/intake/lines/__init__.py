"""The hospitals' lines: registered with Orthanc, tested, and what its log says of callers."""

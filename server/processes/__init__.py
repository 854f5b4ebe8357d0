"""Everything that runs: Orthanc, the web server and the worker, kept alive by supervisor."""

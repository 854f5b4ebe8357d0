"""QIDO-RS: searching."""

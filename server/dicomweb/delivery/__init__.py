"""WADO-RS: files, frames, metadata, bulk data, and our own overview."""

"""WADO-RS: rendered pictures and thumbnails."""

"""STOW-RS: storing."""

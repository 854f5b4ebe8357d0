"""`python -m server.cli` is `margin`."""

from server.cli import main

main()

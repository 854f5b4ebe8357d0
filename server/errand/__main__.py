"""`python -m server.errand`."""

from server.errand.running import main

if __name__ == "__main__":
    main()

"""`python -m syncwell.cli` is `syncwell`."""

from syncwell.cli import main

if __name__ == "__main__":
    main()

"""``python -m maskdet``."""

from maskdet.cli import main

if __name__ == "__main__":
    main(prog_name="maskdet")

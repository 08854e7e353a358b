"""``python -m copt`` is the command ``copt``."""

from copt.cli import main

if __name__ == "__main__":
    main()

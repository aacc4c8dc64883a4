"""`python -m modelalias.cli`, where the script `modelalias` is not on the path."""

import sys

from modelalias.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

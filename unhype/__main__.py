"""``python -m unhype``."""

import sys

from unhype.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

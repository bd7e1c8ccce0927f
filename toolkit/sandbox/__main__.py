"""`python -m toolkit.sandbox HOME REGION [--keep]`: the sandbox's process.  `al sandbox start` starts it."""

import sys
from pathlib import Path

from .server import main

if __name__ == "__main__":
    home, region, *options = sys.argv[1:]
    sys.exit(main(Path(home), region=region, keep="--keep" in options))

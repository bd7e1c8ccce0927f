"""`al-shutdown [REASON]`: end this run at once, because something is badly wrong.  Without a gateway it does nothing."""

import os
import sys
from collections.abc import Sequence

from toolkit.inside.gateway_client import Gateway

from ._frame import OK, answered, guarded, words
from ._masking import masked

MOST_REASON = 1000  # characters


def shut_down(arguments: Sequence[str]) -> int:
    gateway = Gateway.of(os.environ)
    reason = masked(words(arguments))[:MOST_REASON]
    return answered(gateway.ask("POST", "/shutdown", {"reason": reason})) if gateway else OK


def main(arguments: Sequence[str]) -> int:
    return guarded(lambda: shut_down(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

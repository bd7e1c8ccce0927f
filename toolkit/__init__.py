"""`al`: deploy autonomous LLM agents into your own cloud account, and run them there.

Rooms: `commands` (what the user types), `ops` (what it does), `core` (what a word means), `config`,
`credentials`, `images`, `scheduler`, `clouds`, `inside` (what runs in the container), `sandbox` (the
embedded clouds).  `wiring` is the one place that constructs adapters.
"""

__version__ = "0.1.0"

"""The embedded clouds: real clients' APIs on loopback, with something behind them that really runs."""

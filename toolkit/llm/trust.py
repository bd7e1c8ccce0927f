"""Whom our own connections to models trust: read once, because each reading costs a connection 20 ms."""

import ssl
from functools import cache


@cache
def trusted() -> ssl.SSLContext:
    """httpx's own choice of certificates, SSL_CERT_FILE and SSL_CERT_DIR before it."""
    import httpx

    return httpx.create_ssl_context()

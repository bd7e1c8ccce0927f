"""What runs in the container.  Starts fast: standard library and core; SDKs only when called."""

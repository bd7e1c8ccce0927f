"""The user's files, read, merged and validated; every value keeps its origin."""

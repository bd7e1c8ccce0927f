"""Observe live identities, diff them against the desired ones, apply."""

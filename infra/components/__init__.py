"""Pulumi components, one per file: each renders items of infra/desired, and decides nothing."""

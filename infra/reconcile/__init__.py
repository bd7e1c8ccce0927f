"""Compares a live account with the desired state, and repairs it by API: no Pulumi here."""

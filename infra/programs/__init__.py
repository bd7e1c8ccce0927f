"""Pulumi programs: plain functions that render desired items."""

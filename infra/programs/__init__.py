"""Pulumi programs: plain functions that turn desired items into components and exports."""

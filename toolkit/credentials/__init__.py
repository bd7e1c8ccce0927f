"""Credential types, where they are kept, how a run gets them."""

"""The floor: what every word of the product means.  Standard library only; imports no other room."""

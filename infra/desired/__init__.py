"""Pure: a project and an environment -> the objects that should exist."""

"""Model servers of one's own: what they have, whether they run, and whether agents reach them.

Nothing is downloaded that nobody asked for, and no server is stopped.
"""

"""What goes into an image, its hash, and the registry that it is pushed to."""

"""One file per way to build an image; each exports PLUGIN."""

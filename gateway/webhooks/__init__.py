"""One file per webhook provider; each exports PLUGIN."""

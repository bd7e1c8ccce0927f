"""One file per credential type; each exports PLUGIN."""

"""One file per runtime; each exports PLUGIN, made from a core.ports.Context."""

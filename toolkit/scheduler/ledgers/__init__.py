"""One file per ledger; each exports PLUGIN."""

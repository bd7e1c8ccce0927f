"""The container's side of store and ledger, one file per platform; each exports PLUGIN."""

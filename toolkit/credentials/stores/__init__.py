"""One file per place that keeps secrets; each exports PLUGIN."""

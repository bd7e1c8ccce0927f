"""Long-lived cloud furniture and identity: desired state, Pulumi programs, reconciliation."""

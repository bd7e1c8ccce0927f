"""What the user types: one file per verb, options -> one ops call -> ui.  Imports no cloud library."""

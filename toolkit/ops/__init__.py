"""What a verb does, without click.  Prints nothing; returns values and takes a progress function."""

"""XML and JSON messages: one tree, two syntaxes."""

"""Items, combos and listings, and the sheets they come in. Pure: rows in, changes and refusals out."""

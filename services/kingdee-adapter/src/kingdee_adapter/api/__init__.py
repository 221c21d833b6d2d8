"""Documents over HTTP: search, raw bytes, and what people decide."""

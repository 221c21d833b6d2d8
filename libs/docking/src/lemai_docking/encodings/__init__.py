"""Bytes to documents and back, and what every encoding checks."""

"""Layouts and profiles: what the interfaces are, and how a counterpart writes them. Data, and what checks it."""

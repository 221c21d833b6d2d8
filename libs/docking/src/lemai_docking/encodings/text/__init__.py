"""Text files: described by their own header (§1.16), or tables that a profile describes."""

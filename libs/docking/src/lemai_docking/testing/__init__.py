"""For tests of this library and its users."""

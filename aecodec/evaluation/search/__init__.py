"""How well codes find what they should."""

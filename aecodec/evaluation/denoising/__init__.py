"""How well noise is removed."""

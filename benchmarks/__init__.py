"""Scripts behind every figure in the README."""

"""From a codec's float decoder to one in 8 bits: rounded, fitted, and trained."""

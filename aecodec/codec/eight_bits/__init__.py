"""The codec's decoder in 8-bit integers, the same to the bit on every machine."""

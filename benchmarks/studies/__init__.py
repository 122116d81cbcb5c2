"""Ablations and other studies that were made once; docs/lab/codec.md says what came of them."""

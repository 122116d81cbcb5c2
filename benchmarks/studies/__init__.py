"""Ablations, refits and other studies that were made once; docs/training.md says what came of
them.
"""

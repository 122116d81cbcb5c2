"""Leaky ReLUs, alike in all networks."""

SLOPE = 0.01
"""Of a leaky ReLU below zero."""

"""Ablations and other studies, for figures that docs/lab claims; settled ones are in git only."""

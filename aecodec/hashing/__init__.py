"""Semantic hashing: binary codes of images, and an index of them in SQLite and FAISS."""

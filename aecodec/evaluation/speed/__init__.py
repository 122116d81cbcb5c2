"""How long codecs take."""

"""Many inputs, one output each: planned, then done here or on a Ray cluster."""

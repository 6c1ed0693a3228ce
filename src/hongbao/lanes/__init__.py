"""Who runs which merchant's slice: one process by itself, or a fleet."""

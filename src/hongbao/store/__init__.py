"""KEEP: one schema, two databases, behind `engine.ports.Store`."""

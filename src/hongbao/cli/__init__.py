"""The `hongbao` command: one module per noun, each registering itself in `main`."""

"""The `hongbao` command: one module per noun, put together in `commands`; how they speak is `voice`."""

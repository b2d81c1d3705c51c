"""The physics models: one file each, found by the registry."""

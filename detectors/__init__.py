"""The detectors: one card (TOML) each, found by the registry."""

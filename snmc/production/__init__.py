"""Thermal production of new particles: 2 -> 1 and 2 -> 2 rates and the emission table."""

"""Neutrino cross sections and final states: what an arriving neutrino does in a detector."""

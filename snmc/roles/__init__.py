"""The roles: what a generator and a detector are, and the registry that finds both."""

"""A run: the card that asks for it, the pipeline that does it, the file that keeps it."""

"""`python -m snmc` is the command `snmc`."""

from snmc.cli import main

main()

"""snmc: a Monte Carlo event simulator for new particles born in core-collapse supernovae.

A generator yields arrivals, a detector turns arrivals into detections, a sink writes both.
"""

from snmc._source_tree import bind_plugins

__version__ = "0.4.0"

bind_plugins()

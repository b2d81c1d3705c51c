"""The channels that detectors' cards may name."""

from snmc.interactions import water
from snmc.interactions.channel import Channel

CHANNELS: dict[str, Channel] = {channel.name: channel for channel in (*water.CHANNELS,)}

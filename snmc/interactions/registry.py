"""The channels that detectors' cards may name."""

from snmc.interactions import oxygen_gamma, water
from snmc.interactions.channel import Channel

CHANNELS: dict[str, Channel] = {
    channel.name: channel for channel in (*water.CHANNELS, *oxygen_gamma.CHANNELS)
}

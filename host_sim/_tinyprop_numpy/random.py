"""Random numbers of 32 bits."""


def next_random(v):
    """The one after v, which is never 0 (xorshift32; Marsaglia, Xorshift RNGs, 2003)."""
    v ^= v << 13 & 0xFFFFFFFF
    v ^= v >> 17
    v ^= v << 5 & 0xFFFFFFFF
    return v

"""A network that learns on the board it runs on."""

import _tinyprop

__version__ = "0.1.0"


def backend():
    return _tinyprop.backend()

"""What is compared, by its name in the tables."""

import tinyprop as tp

from ..kit.learning import Variant

FLOATS = "float32 Full"
CHOSEN = "chosen lr Full"
BASE = "Full"  # what drops are against, so it is always among them
POLICIES = {
    FLOATS: Variant(tp.Full(), floats=True),
    CHOSEN: Variant(tp.Full()),
    BASE: Variant(tp.Full()),
    "last layer only": Variant(tp.Full(), train_backbone=False),
    **{f"TopK({r})": Variant(tp.TopK(r)) for r in (0.05, 0.1, 0.2)},
    "TinyProp": Variant(tp.TinyProp()),
    **{f"TinyPropV2(skip={s})": Variant(tp.TinyPropV2(skip=s)) for s in (0.1, 0.25)},
    "default": Variant(),
}

"""What is compared: a name, the policy, which layers are trained, and in which numbers."""

from dataclasses import dataclass

import tinyprop as tp


@dataclass
class Policy:
    sparsity: tuple | None = None  # None: what a model does unless told otherwise
    body: bool = True  # whether layers below the output are trained
    floats: bool = False


POLICIES = {
    "float32 Full": Policy(tp.Full(), floats=True),
    "Full": Policy(tp.Full()),
    "last layer only": Policy(tp.Full(), body=False),
    **{f"TopK({r})": Policy(tp.TopK(r)) for r in (0.05, 0.1, 0.2)},
    "TinyProp": Policy(tp.TinyProp()),
    **{f"TinyPropV2(skip={s})": Policy(tp.TinyPropV2(skip=s)) for s in (0.1, 0.25)},
    "default": Policy(),
}

"""python -m host_sim digests: writes tests/portable/digests.py with numpy, the specification."""

import os

from .. import ROOT, add_to_path

TESTS = "tests/portable"


def main(arguments):
    os.environ["TINYPROP_BACKEND"] = "numpy"
    add_to_path(TESTS)
    import test_digest
    import test_long_rows
    import test_shapes

    lines = [
        "# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by",
        "# `python -m host_sim digests` with numpy; every other backend and board must agree.",
        "AFTER_1000 = {",
    ]
    for model in test_digest.MODELS:
        for policy in test_digest.POLICIES:
            print(model, policy, flush=True)
            lines.append(f'    ("{model}", "{policy}"): "{test_digest.digest(model, policy)}",')
    for title, names, digest in (
        ("SHAPES", test_shapes.SHAPES, test_shapes.digest),
        ("ROWS", test_long_rows.ROWS, test_long_rows.digest),
    ):
        source = f"{digest.__module__}.py"
        lines += ["}", f"# The same of the small models of {source}.", f"{title} = {{"]
        for name in names:
            print(name, flush=True)
            lines.append(f'    "{name}": "{digest(name)}",')
    (ROOT / TESTS / "digests.py").write_text("\n".join([*lines, "}", ""]))

"""docs/api.md and tinyprop.pyi have all that is public in tinyprop, as it is, and no more."""

import ast
import re
from pathlib import Path

import pytest
import tinyprop as tp
import tinyprop_words

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "micropython_mod"
DESK = ROOT / "host_sim/tinyprop_desk"
OF_THE_DESK = DESK / "__init__.py", DESK / "estimator.py"
STUBS = FOLDER / "tinyprop.pyi"


def parameters(function, skip_self):
    """Names and defaults, without annotations: "units, activation='linear'"."""
    args = ast.parse(ast.unparse(function)).body[0].args
    for arg in filter(None, [*args.args, args.kwarg]):
        arg.annotation = None
    del args.args[: int(skip_self)]
    return ast.unparse(args)


def is_a(function, decorator):
    return any(ast.unparse(d) == decorator for d in function.decorator_list)


def public_names(*paths):
    """The signature of each public function, class, method and property; None if it has none.
    Not `const`, which is MicroPython's and there under this name for its compiler alone."""
    found = {}

    def add(body, prefix):
        for node in body:
            name = getattr(node, "name", "")
            if isinstance(node, ast.ClassDef) and name[0] != "_":
                found[prefix + name] = None
                add(node.body, prefix + name + ".")
            elif isinstance(node, ast.FunctionDef) and name == "__init__":
                found[prefix[:-1]] = parameters(node, True)
            elif (
                isinstance(node, ast.FunctionDef) and name[0] != "_" and prefix + name not in found
            ):
                of_class = prefix != "" and not is_a(node, "staticmethod")
                found[prefix + name] = (
                    None if is_a(node, "property") else parameters(node, of_class)
                )

    for path in paths:
        add(ast.parse(path.read_text()).body, "")
    found.pop("const", None)
    return found | {"__version__": None}


def names_of_tinyprop():
    """tinyprop shows what is public in tinyprop_layers, in tinyprop_sensor and on a PC in DESK as
    its own; tinyprop_fleet is its `fleet`."""
    names = "tinyprop", "tinyprop_layers", "tinyprop_sensor"
    board = public_names(*(FOLDER / f"{name}.py" for name in names))
    fleet = {f"fleet.{name}": v for name, v in public_names(FOLDER / "tinyprop_fleet.py").items()}
    fleet["fleet"] = fleet.pop("fleet.__version__")
    return board | fleet | public_names(*OF_THE_DESK)


def documented_names():
    found = {}
    for name, signature in re.findall(
        r"^### `([\w.]+)(\(.*\))?`$", (ROOT / "docs/api.md").read_text(), re.MULTILINE
    ):
        assert name not in found, f"{name} is there twice"
        function = signature and ast.parse(f"def f{signature}: pass").body[0]
        found[name] = parameters(function, False) if function else None
    return found


def test_page_has_every_name_and_no_other():
    assert documented_names() == names_of_tinyprop()


def test_stubs_have_every_name_and_no_other():
    assert public_names(STUBS) == names_of_tinyprop()


@pytest.mark.parametrize("path", [STUBS, ROOT / "host_sim/web/tinyprop.d.ts"])
def test_types_have_every_activation(path):
    (types,) = re.findall(r"^(?:type |_)Activation = (.*)", path.read_text(), re.MULTILINE)
    assert tuple(re.findall(r'"(\w+)"', types)) == tinyprop_words._ACTIVATION_NAMES


def test_every_setting_of_a_stub_has_a_type():
    for node in ast.walk(ast.parse(STUBS.read_text())):
        if isinstance(node, ast.arg) and node.arg not in ("self", "cls"):
            assert node.annotation, node.arg


def test_a_prompt_completes_every_name():
    named = {name for name in names_of_tinyprop() if "." not in name} - {"__version__"}
    assert set(dir(tp)) == named
    everything = {}
    exec("from tinyprop import *", everything)
    assert set(everything) - {"__builtins__"} == named - set(public_names(*OF_THE_DESK))
    with pytest.raises(AttributeError):
        tp._check_name  # noqa: B018

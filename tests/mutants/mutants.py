"""Breaks the code in one place after the other and asks the tests whether they notice.

    python tests/mutants/mutants.py [--count N] [--seed S] [FILE...]

Mutants are universalmutator's, those of assembly by thumb.rules. Each file gives as many as its
share of the lines: the first ones by a hash of the seed and the change, so that the choice stays
the same where the code does. What does not compile, or compiles to the same, is no mutant.

The tests run on a copy of the tree, quick ones first, until one fails. What killed a mutant is
kept in build/mutants, and not asked again as long as the file is the same. reasons.toml says of
those that live why no test can kill them ("equivalent: ..."; they are not tried again), or what
one would take. reports/mutants.md gets all of it.
"""

import argparse
import ast
import contextlib
import hashlib
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from universalmutator import mutator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "mutants"
TREE = BUILD / "tree"
KEPT = BUILD / "killed.json"
REPORT = ROOT / "reports" / "mutants.md"
CORE = "usermod_c/tinyprop/core"
GCC = ["gcc", "-std=c99", "-O2", "-c", f"-I{CORE}"]
ARM = ["arm-none-eabi-gcc", "-mthumb", "-O2", "-c", f"-I{CORE}"]
LEAST = 3  # mutants of a file, however small


# ---- tests: commands that fail if one does. None of these tests reads the sources as text.


def pytest(*names, only=""):
    options = ["-xq", "-p", "no:cacheprovider", *(["-k", only] if only else [])]
    return [sys.executable, "-m", "pytest", *options, *(f"tests/{name}.py" for name in names)]


def portable(target, *names):
    files = [f"tests/portable/test_{name}.py" for name in names]
    return [sys.executable, "tests/targets.py", target, *files]


# What tests a file beside the tests of its name.
ALSO = {"plan": ["conv", "sizes"], "model": ["dense"], "nonzero": ["dense"], "random": ["init"]}
REST_OF_C = [
    pytest("core/test_backends", only="random"),
    portable("c"),
    pytest("core/test_fuzz_core"),
]


def tests_of(path):
    """Commands that are to kill the mutants of a file, quick ones first."""
    name = Path(path).stem
    if name == "armv6m":
        return [pytest("core/test_kernels", only="armv6m"), portable("qemu-m0", "digest")]
    if name == "armv7em":
        return [pytest("core/test_kernels", only="armv7em"), portable("qemu-m4f", "digest")]
    if "kernels/" in path:
        one = pytest("core/test_kernels", only="armv6m and not mpy")
        return [portable("c", "digest"), one, pytest("core/test_kernels"), *REST_OF_C]
    if path.endswith(".c"):
        names = [part for part in (name, *ALSO.get(name, ())) if part != "random"]
        own = pytest(*(f"core/test_{part}" for part in names))
        return [portable("c", "digest"), own, *REST_OF_C]
    return [
        portable("c", "check", "files", "keeping", "learn"),
        portable("c"),
        pytest("core/test_words", "system/test_api", "system/test_endurance", "system/test_load"),
        pytest("system/test_arrays", "system/test_short_writes"),
        pytest("system/test_readme", only="cpython"),
        portable("unix", "check", "files", "inputs"),
    ]


# ---- mutants


@dataclass
class Source:
    path: str
    rules: list
    compilers: list  # none: it is Python


def sources():
    c = ["universal.rules", "c_like.rules", "c.rules"]
    for name in (ROOT / CORE / "sources.txt").read_text().split():
        compilers = {
            "kernels/armv7em.c": [[*ARM, "-mcpu=cortex-m4"]],
            "kernels/portable.c": [GCC, [*GCC, "-DTP_SMALL_CODE"]],
        }
        yield Source(f"{CORE}/{name}", c, compilers.get(name, [GCC]))
    m0 = [*ARM, "-mcpu=cortex-m0"]
    yield Source(f"{CORE}/kernels/armv6m.S", [str(HERE / "thumb.rules")], [m0])
    for part in "", "_layers", "_words", "_state", "_check", "_files", "_sensor", "_fleet":
        yield Source(f"micropython_mod/tinyprop{part}.py", ["universal.rules", "python.rules"], [])


@dataclass
class Mutant:
    source: Source
    line: int
    was: str
    now: str
    killer: str = ""
    why: str = ""  # it lives

    def key(self):
        return Path(self.source.path).name, self.was.strip(), self.now.strip()

    def place(self, seed):
        """Its place in an order that does not depend on other lines."""
        return hashlib.sha256(repr((seed, *self.key())).encode()).hexdigest()


def all_mutants(source):
    lines = (ROOT / source.path).read_text().splitlines(keepends=True)
    with contextlib.redirect_stdout(io.StringIO()):
        found = mutator.mutants_regexp(
            lines, source.rules, ignorePatterns=[], ignoreStringOnly=True
        )
    mutants = (Mutant(source, line, lines[line - 1], now) for line, now, *_ in found)
    return {mutant.key(): mutant for mutant in mutants}.values()


@contextlib.contextmanager
def broken(mutant):
    path = TREE / mutant.source.path
    whole = path.read_text()
    lines = whole.splitlines(keepends=True)
    lines[mutant.line - 1] = mutant.now
    path.write_text("".join(lines))
    try:
        yield
    finally:
        path.write_text(whole)


def syntax(text):
    """What Python text says, but for docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef():
                if ast.get_docstring(node) is not None:
                    node.body[0] = ast.Pass()
    return ast.dump(tree)


def compiled(source):
    """What the compilers make of a file of the tree; None if they refuse it."""
    if not source.compilers:
        with contextlib.suppress(SyntaxError, ValueError):
            return syntax((TREE / source.path).read_text())
        return None
    made = []
    for compiler in source.compilers:
        result = TREE / "mutant.o"
        if fails([*compiler, source.path, "-o", result]):
            return None
        made.append(result.read_bytes())
    return made


def chosen(source, count, seed):
    """`count` mutants that compile to something else."""
    whole = compiled(source)
    for mutant in sorted(all_mutants(source), key=lambda m: m.place(seed)):
        with broken(mutant):
            if compiled(source) in (None, whole):
                continue
        yield mutant
        count -= 1
        if count == 0:
            return


# ---- judging them

SECONDS = 300  # of a processor's time that a program may take: more than the slowest test
SECONDS_QUICK = 15  # the same for the first command


def fails(command, seconds=SECONDS):
    """Whether a command fails, or is sent round in circles."""

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = subprocess.Popen(
        command, cwd=TREE, start_new_session=True, preexec_fn=limit, **quiet
    )
    try:
        return running.wait(20 * seconds) != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


@cache
def require_success(command):
    if fails(command):
        sys.exit(f"error: fails with nothing broken: {' '.join(command)}")


def killer_of(mutant):
    """The command that kills a mutant; "" if none does."""
    for i, command in enumerate(tests_of(mutant.source.path)):
        with broken(mutant):
            killed = fails(command, SECONDS if i else SECONDS_QUICK)
        if killed:
            require_success(tuple(command))
            return " ".join(Path(word).name for word in command[1:])
    return ""


def copy_tree():
    """What git knows, and files that are new, in a folder that keeps what was built there."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(command, cwd=ROOT, text=True).splitlines():
        if (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)


class Judge:
    """Knows what killed which mutant of a file, as that is now, and why others live."""

    def __init__(self):
        self.killed = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        entries = tomllib.loads((HERE / "reasons.toml").read_text())["mutant"]
        self.reasons = {(e["file"], e["was"], e["now"]): e["why"] for e in entries}

    def name(self, mutant):
        whole = (ROOT / mutant.source.path).read_bytes()
        return hashlib.sha256(whole + mutant.place(0).encode()).hexdigest()

    def judge(self, mutant):
        name = self.name(mutant)
        mutant.why = self.reasons.get(mutant.key(), "not looked at")
        if mutant.why.startswith("equivalent"):
            return
        mutant.killer = self.killed.get(name) or killer_of(mutant)
        if mutant.killer:
            self.killed[name] = mutant.killer
            KEPT.write_text(json.dumps(self.killed, indent=0))


# ---- the report

TEXT = """\
# Mutants: whether a test fails when the code is broken

Made by `make mutants`, with seed {seed}. A mutant is one line changed, such that it still
compiles, to something else; it is killed if a test fails. An equivalent one does the same as the
code, so no test can.

**{killed} of {real} mutants that are not equivalent are killed: {percent:.1f} %.**

{table}

## Those that live

{living}
"""


def report(mutants, seed):
    counts, living = {}, []
    for mutant in mutants:
        kind = "equivalent" if mutant.why.startswith("equivalent") else "living"
        for name in mutant.source.path, "**all**":
            counts.setdefault(name, Counter())["killed" if mutant.killer else kind] += 1
        if not mutant.killer:
            diff = f"```diff\n- {mutant.was.strip()}\n+ {mutant.now.strip()}\n```"
            living.append(f"{Path(mutant.source.path).name}, {mutant.why}\n\n{diff}")
    total = counts.pop("**all**")
    rows = ["| file | killed | living | equivalent |", "|---|---:|---:|---:|"]
    for name, of_file in {**counts, "**all**": total}.items():
        cells = (str(of_file[column]) for column in ("killed", "living", "equivalent"))
        rows.append(f"| {name} | {' | '.join(cells)} |")
    real = total["killed"] + total["living"]
    text = TEXT.format(
        seed=seed,
        killed=total["killed"],
        real=real,
        percent=100 * total["killed"] / real,
        table="\n".join(rows),
        living="\n\n".join(living) or "None.",
    )
    REPORT.write_text(text)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=340)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*", help="names of files; none: all of them, and a report")
    given = parser.parse_args()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # a file that changes twice in a second
    os.environ |= {"TINYPROP_CASES": "150", "TINYPROP_FUZZ": "20000"}  # a part of what is usual
    os.environ["PATH"] = f"/usr/lib/ccache:{os.environ['PATH']}"
    copy_tree()
    lines = {
        source.path: len((ROOT / source.path).read_text().splitlines()) for source in sources()
    }
    mutants, judge = [], Judge()
    for source in sources():
        if given.files and Path(source.path).name not in given.files:
            continue
        share = round(given.count * lines[source.path] / sum(lines.values()))
        for mutant in chosen(source, max(LEAST, share), given.seed):
            judge.judge(mutant)
            mutants.append(mutant)
            print(f"{source.path}:{mutant.line}: {mutant.killer or mutant.why}", flush=True)
            if not mutant.killer:
                print(f"  - {mutant.was.strip()}\n  + {mutant.now.strip()}", flush=True)
    if not given.files:
        print(report(mutants, given.seed))


if __name__ == "__main__":
    main()

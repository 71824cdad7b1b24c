"""Breaks the code in one place after the other and asks the tests whether they notice.

    python tests/mutants/mutants.py [--count N] [--seed S] [FILE...]

Mutants are universalmutator's, those of assembly by thumb.rules. Each file gives as many as its
share of the lines: the first ones by a hash of the seed and the change, so that the choice stays
the same where the code does. What does not compile, or compiles to the same bytes, is no mutant.
The tests run on a copy of the tree, quick ones first, until one fails. reasons.toml says of
mutants that were looked at why no test can fail (equivalent) or need not. reports/mutants.md gets
all of it.
"""

import argparse
import ast
import contextlib
import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from universalmutator import mutator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TREE = ROOT / "build" / "mutants"
REPORT = ROOT / "reports" / "mutants.md"
CORE = "usermod_c/tinyprop/core"
GCC = ["gcc", "-std=c99", "-O2", "-c", f"-I{CORE}"]
ARM = ["arm-none-eabi-gcc", "-mthumb", "-O2", "-c", f"-I{CORE}"]
LEAST = 3  # mutants of a file, however small

PYTEST = [sys.executable, "-m", "pytest", "-xq", "-p", "no:cacheprovider"]


def pytest(*names):
    return [*PYTEST, *(f"tests/{name}" for name in names)]


def portable(target, *names):
    files = [f"tests/portable/test_{name}.py" for name in names]
    return [sys.executable, "tests/targets.py", target, *files]


# Commands that fail if a test does, quick ones first. None reads the sources as text.
OF_C = [
    portable("c", "digest"),
    pytest("core/test_backends.py"),
    pytest(*(f"core/test_{name}.py" for name in (
        "golden select update deltas dense conv pool loss replay ranges rate values centre exp "
        "activation fixed init nonzero progress plan model sizes"
    ).split())),
    portable("c"),
    pytest("core/test_kernels.py"),
    pytest("core/test_gradients.py", "core/test_oracle.py"),
]  # fmt: skip
OF_KERNELS = [portable("c", "digest"), pytest("core/test_kernels.py"), *OF_C[1:5]]
OF_ARMV6M = [[*pytest("core/test_kernels.py"), "-k", "armv6m"], portable("qemu-m0", "digest")]
OF_ARMV7EM = [[*pytest("core/test_kernels.py"), "-k", "armv7em"], portable("qemu-m4f", "digest")]
OF_PYTHON = [
    portable("c", "check", "files", "learn"),
    portable("c"),
    pytest("system/test_api.py", "system/test_readme.py"),
    portable("unix"),
    pytest("core/test_sizes.py", "core/test_words.py", "core/test_golden.py"),
    pytest("system/test_first_use.py", "system/test_faults.py"),
]


@dataclass
class Source:
    path: str
    rules: list
    compilers: list  # none: Python
    tests: list


def sources():
    core = [f"{CORE}/{name}" for name in (ROOT / CORE / "sources.txt").read_text().split()]
    c = ["universal.rules", "c_like.rules", "c.rules"]
    for path in core:
        if path.endswith("armv7em.c"):
            yield Source(path, c, [[*ARM, "-mcpu=cortex-m4"]], OF_ARMV7EM)
        elif path.endswith("portable.c"):
            yield Source(path, c, [GCC, [*GCC, "-DTP_SMALL_CODE"]], OF_KERNELS)
        else:
            yield Source(path, c, [GCC], OF_KERNELS if "kernels/" in path else OF_C)
    m0 = [*ARM, "-mcpu=cortex-m0"]
    thumb = [str(HERE / "thumb.rules")]
    yield Source(f"{CORE}/kernels/armv6m.S", thumb, [m0, [*m0, "-DTP_SMALL_CODE"]], OF_ARMV6M)
    for path in "micropython_mod/tinyprop.py", "micropython_mod/tinyprop_words.py":
        yield Source(path, ["universal.rules", "python.rules"], [], OF_PYTHON)


@dataclass
class Mutant:
    source: Source
    line: int
    was: str
    now: str
    verdict: str = ""

    def key(self):
        return Path(self.source.path).name, self.was.strip(), self.now.strip()

    def place(self, seed):
        return hashlib.sha256(repr((seed, *self.key())).encode()).digest()


def run(command, limit):
    """Whether the command fails; one that takes too long has been sent round in circles."""
    done = subprocess.Popen(
        command,
        cwd=TREE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return done.wait(limit) != 0
    except subprocess.TimeoutExpired:
        os.killpg(done.pid, signal.SIGKILL)
        done.wait()
        return True


def compiled(source):
    """What the compilers make of a file of the tree; None if they refuse it."""
    path = TREE / source.path
    if not source.compilers:
        with contextlib.suppress(SyntaxError, ValueError):
            return ast.dump(ast.parse(path.read_text()))
        return None
    made = []
    for compiler in source.compilers:
        result = TREE / "mutant.o"
        if run([*compiler, source.path, "-o", result], 60):
            return None
        made.append(result.read_bytes())
    return made


def all_mutants(source):
    lines = (ROOT / source.path).read_text().splitlines(keepends=True)
    with contextlib.redirect_stdout(io.StringIO()):
        found = mutator.mutants_regexp(lines, source.rules, ignorePatterns=[])
    mutants = {}
    for line, now, *_ in found:
        mutant = Mutant(source, line, lines[line - 1], now)
        mutants[mutant.place(0)] = mutant
    return list(mutants.values())


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


def chosen(source, count, seed):
    """`count` mutants that compile to something else."""
    whole, found = compiled(source), []
    for mutant in sorted(all_mutants(source), key=lambda m: m.place(seed)):
        if len(found) == count:
            break
        with broken(mutant):
            if compiled(source) not in (None, whole):
                found.append(mutant)
    return found


def judge(mutant, limits):
    with broken(mutant):
        for command in mutant.source.tests:
            if run(command, limits[str(command)]):
                return " ".join(Path(word).name for word in command[1:])
    return ""


def copy_tree():
    """What git knows, and files that are new, in a folder that keeps what was built there."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.check_output(command, cwd=ROOT, text=True).splitlines()
    for name in names:
        if (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)


def limits_of(commands):
    """How long each may take: far longer than with nothing broken."""
    limits = {}
    for command in commands:
        began = time.monotonic()
        if run(command, 1200):
            sys.exit(f"error: fails with nothing broken: {' '.join(command)}")
        limits[str(command)] = 30 + 5 * (time.monotonic() - began)
    return limits


def reasons():
    entries = tomllib.loads((HERE / "reasons.toml").read_text())["mutant"]
    return {(e["file"], e["was"], e["now"]): e["why"] for e in entries}


def report(mutants, seed):
    why = reasons()
    rows, survivors = [], []
    total = Counter()
    for path in dict.fromkeys(m.source.path for m in mutants):
        count = Counter()
        for m in mutants:
            if m.source.path == path:
                reason = why.get(m.key(), "not looked at")
                kind = "killed" if m.verdict else reason.split(":")[0]
                count["equivalent" if kind == "equivalent" else kind and "alive"] += kind != "killed"
                count["killed"] += kind == "killed"
                if kind != "killed":
                    survivors.append((m, reason))
        total += count
        rows.append((path, count))
    rows.append(("**all**", total))
    real = total["killed"] + total["alive"]
    lines = [
        "# Mutants: whether a test fails when the code is broken",
        "",
        f"Made by `make mutants`, seed {seed}; what each column means is in tests/mutants/mutants.py.",
        "",
        f"**{total['killed']} of {real} mutants that are not equivalent are killed:"
        f" {100 * total['killed'] / real:.1f} %.**",
        "",
        "| file | mutants | killed | alive | equivalent |",
        "|---|---:|---:|---:|---:|",
    ]
    for path, count in rows:
        lines.append(
            f"| {path} | {sum(count.values())} | {count['killed']} | {count['alive']}"
            f" | {count['equivalent']} |"
        )
    lines += ["", "## Survivors", ""]
    for m, reason in survivors:
        lines += [f"- {m.source.path}: {reason}", "", "  ```diff"]
        lines += [f"  - {m.was.strip()}", f"  + {m.now.strip()}", "  ```"]
    REPORT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines[4:5]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=360)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*", help="names of files; none: all, and the report")
    given = parser.parse_args()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # a file that changes twice in a second
    os.environ["TINYPROP_CASES"] = "300"  # of test_backends.py, which has five a step
    os.environ["PATH"] = f"/usr/lib/ccache:{os.environ['PATH']}"
    copy_tree()
    wanted = [s for s in sources() if not given.files or Path(s.path).name in given.files]
    lines = {s.path: len((ROOT / s.path).read_text().splitlines()) for s in sources()}
    commands = {str(c): c for s in wanted for c in s.tests}
    limits = limits_of(commands.values())
    mutants = []
    for source in wanted:
        share = round(given.count * lines[source.path] / sum(lines.values()))
        for mutant in chosen(source, max(LEAST, share), given.seed):
            mutant.verdict = judge(mutant, limits)
            mutants.append(mutant)
            print(f"{source.path}:{mutant.line}: {mutant.verdict or 'ALIVE'}", flush=True)
            if not mutant.verdict:
                print(f"  - {mutant.was.strip()}\n  + {mutant.now.strip()}", flush=True)
    if not given.files:
        report(mutants, given.seed)


if __name__ == "__main__":
    main()

"""Fuzzing of the core: fuzz_core.c by libFuzzer, under sanitizers of addresses and of C.

    python tests/core/fuzz.py [RUNS]

RUNS executions, half of them with the kernels of a PC and half with those of any processor; then
how much of the core they ran together. build/fuzz/corpus keeps every input that reached something
new, and fuzz_corpus.txt, in hexadecimal, the few that reach every branch that was reached. An
input that fails is left in build/fuzz: FUZZER INPUT runs it again.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import compiling
from compiling import HERE, ROOT, SOURCES

KEPT = HERE / "fuzz_corpus.txt"
KERNELS = {"pc": [], "portable": ["-DTP_SMALL_CODE"]}
# To trace comparisons takes a quarter of the time, and inputs are decisions, not texts.
SANITIZERS = ["-O2", "-g", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
SANITIZERS += ["-fno-sanitize-coverage=trace-cmp"]
COVERAGE = ["-O1", "-fsanitize=fuzzer", "-fprofile-instr-generate", "-fcoverage-mapping"]
# Raw images have some hundred bytes, other inputs fewer. Without entropic, twice as many runs.
OPTIONS = ["-max_len=700", "-entropic=0", "-print_final_stats=1"]


def build(folder, kernels, options):
    """A fuzzer with these kernels."""
    program = folder / kernels
    sources = [HERE / "fuzz_core.c", HERE / "apart.c", *SOURCES]
    options = ["-w", *options, *KERNELS[kernels], "-Wl,--wrap=tp_open"]
    compiling.build(program, sources, *options, compiler=["clang"])
    return program


def unpack(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for i, line in enumerate(KEPT.read_text().splitlines()):
        (folder / f"kept{i}").write_bytes(bytes.fromhex(line))


def log_of(program):
    return program.with_suffix(".log")


def start(program, corpus, runs, seed):
    """A fuzzer that is running; what it says, and what fails, is left beside the program."""
    command = [program, *OPTIONS, f"-runs={runs}", f"-seed={seed}"]
    command += [f"-artifact_prefix={program.parent}/{program.name}-", corpus]
    with log_of(program).open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def executions(process):
    """How many inputs a fuzzer has run, once it has ended; fails if one of them did."""
    code, text = process.wait(), log_of(process.args[0]).read_text(errors="replace")
    assert code == 0, text[-4000:]
    return int(re.search(r"number_of_executed_units: (\d+)", text).group(1))


def keep(program, corpus):
    """Writes the inputs that are needed to reach each branch."""
    few = program.parent / "few"
    shutil.rmtree(few, ignore_errors=True)
    few.mkdir()
    command = [program, "-merge=1", "-use_counters=0", few, corpus]
    subprocess.run(command, check=True, capture_output=True)
    lines = sorted(path.read_bytes().hex() for path in few.iterdir())
    KEPT.write_text("".join(f"{line}\n" for line in lines))
    print(f"{len(lines)} inputs kept")


def coverage(folder, corpus):
    """The shares of lines and branches of the core that a corpus runs, in percent."""
    folder.mkdir(exist_ok=True)
    programs = [build(folder, kernels, COVERAGE) for kernels in KERNELS]
    for program in programs:
        environment = {**os.environ, "LLVM_PROFILE_FILE": f"{program}.raw"}
        command = [program, "-runs=0", corpus]
        subprocess.run(command, check=True, capture_output=True, env=environment)
    raw, profile = [f"{program}.raw" for program in programs], folder / "both.profile"
    subprocess.run(["llvm-profdata", "merge", *raw, "-o", profile], check=True)
    command = ["llvm-cov", "export", "-summary-only", f"-instr-profile={profile}"]
    command += [programs[0], "-object", programs[1], *SOURCES]
    totals = json.loads(subprocess.check_output(command))["data"][0]["totals"]
    return totals["lines"]["percent"], totals["branches"]["percent"]


def main(runs):
    folder = ROOT / "build" / "fuzz"
    corpus = folder / "corpus"
    unpack(corpus)
    programs = [build(folder, name, SANITIZERS) for name in KERNELS]
    seed = int.from_bytes(os.urandom(3)) + 1
    print(f"seed {seed}", flush=True)
    running = [start(program, corpus, runs // 2, seed) for program in programs]
    print(f"{sum(map(executions, running))} executions found nothing")
    keep(programs[0], corpus)
    lines, branches = coverage(folder / "coverage", corpus)
    print(f"they run {lines:.1f} % of lines, {branches:.1f} % of branches of the core")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)

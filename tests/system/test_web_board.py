"""The page's modules for boards, host_sim/web/board, in node and in a browser.

The Pico is emulated, behind a port of Web Serial or in a worker of the page, and runs the real
firmware; the ESP32 is a fake boot loader.
"""

import hashlib
import json
import os
import pty
import random
import re
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import tinyprop as tp
from fake_esp32 import FakeEsp32, image
from serial_port import EmulatedPico
from test_deploy import PRETEND
from test_page import Page, drawing, learns_there_too
from tinyprop_cli import deploy, serve
from tinyprop_cli.board import Problem
from web_serial import SerialOverHttp

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests/web"
STAND_IN = TESTS / "web_serial.js"

# Around each program; what a person would be told is its last line.
PROGRAM = """
import assert from "node:assert/strict";
import fs from "node:fs";
import {{ Board, facts, refuse }} from "{page}/board/board.js";
import {{ read, write }} from "{page}/board/files.js";
import {{ flash }} from "{page}/board/flash.js";
import {{ Pico }} from "{page}/board/pico.js";
import {{ BoardError, Problem, Repl }} from "{page}/board/repl.js";
import {{ Port }} from "{tests}/web_serial.js";

const say = (value) => console.log(typeof value === "string" ? value : JSON.stringify(value));
const port = new Port("{url}/serial");
async function connect() {{
    await port.open();
    return new Repl(port, {{ patience: {patience} }});
}}
try {{
    {program}
}} catch (error) {{
    if (!(error instanceof Problem)) throw error;
    say(error.message);
}}
process.exit();
"""


pytestmark = pytest.mark.usefixtures("web")


def node(program, url="", patience=100, on_line=lambda line: None):
    """Runs a program and returns the lines that it says."""
    text = PROGRAM.format(
        page=serve.PAGE, tests=TESTS, url=url, patience=patience, program=program
    )
    command = ["node", "--import", TESTS / "browser.mjs", "--input-type=module", "-e", text]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        timer = threading.Timer(300, process.kill)
        timer.start()
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            on_line(lines[-1])
        timer.cancel()
    assert process.returncode == 0, lines
    return lines


@contextmanager
def emulated(*arguments):
    with EmulatedPico(*arguments) as pico, SerialOverHttp(pico.port) as line:
        yield pico, line.url


@pytest.fixture(scope="module")
def pico():
    with emulated("plain") as (_, url):
        yield url


# ---- MicroPython on the line


def test_programs(pico):
    node(
        r"""
        const repl = await connect();
        assert.equal(await repl.exec("print('\u00e4\u20ac', 6 * 7)"), "\u00e4\u20ac 42\n");
        assert.equal(await repl.exec("x = 5"), "");
        // Longer than any buffer on the way, in both directions.
        const long = "0123456789".repeat(1000);
        assert.equal(await repl.exec(`print('${long}' * x)`), `${long.repeat(5)}\n`);
        const lines = [];
        const three = "for i in range(3): print('line', i)\nprint('no end', end='')";
        await repl.exec(three, { onLine: (line) => lines.push(line) });
        assert.deepEqual(lines, ["line 0", "line 1", "line 2"]);
        const raises = (code, name) => assert.rejects(repl.exec(code), (error) => {
            assert(error instanceof BoardError);
            return error.lastLine.startsWith(name);
        });
        await raises("1 / 0", "ZeroDivisionError: ");
        await raises("if:", "SyntaxError: ");
        await repl.restart();
        await assert.rejects(repl.exec("x"), /NameError/);
        """,
        pico,
    )


def test_a_program_can_be_stopped_and_two_do_not_mix(pico):
    said = node(
        """
        const repl = await connect();
        let onLine;
        const runs = new Promise((resolve) => { onLine = resolve; });
        const program = "print('runs')\\nwhile True: pass";
        const endless = repl.exec(program, { onLine, seconds: Infinity });
        const isStopped = assert.rejects(endless, /KeyboardInterrupt/);
        await assert.rejects(repl.exec("1"), /The board is at work/);
        await runs;
        await repl.type("print('lost')");
        await repl.type("\\x03");
        await isStopped;
        const silent = repl.exec("while True: pass", { seconds: 0.3 });
        await assert.rejects(silent, /does not answer .*nothing for 0.3 s/);
        say(await repl.exec("print('goes on', end='')"));
        """,
        pico,
    )
    assert said == ["goes on"]


def test_a_person_types_at_the_prompt(pico):
    said = node(
        """
        const repl = await connect();
        let seen = "";
        const sees = (text) => new Promise((resolve) => {
            repl.onOutput = (bytes) => {
                seen += Buffer.from(bytes);
                if (seen.includes(text)) resolve();
            };
        });
        await repl.exec("print('not seen')");
        let seeing = sees("42\\r\\n>>> ");
        await repl.type("6 * 7\\r");
        await seeing;
        assert(!seen.includes("not seen"));
        seeing = sees("half");
        await repl.type("half");
        await seeing;
        say(await repl.exec("print('half a line is forgotten', end='')"));
        await repl.close();
        await port.close();
        await assert.rejects(repl.exec("1"), /not connected any more/);
        say(await (await connect()).exec("print('connected anew', end='')"));
        """,
        pico,
    )
    assert said == ["half a line is forgotten", "connected anew"]


def test_files(pico):
    said = node(
        """
        const repl = await connect();
        const data = Uint8Array.from({ length: 5000 }, (_, i) => i * i >> 3);
        const told = [];
        await write(repl, "there.bin", data, (...progress) => told.push(progress));
        assert.deepEqual(told.at(-1), [5000, 5000]);
        assert.deepEqual(await read(repl, "there.bin"), data);
        await write(repl, "empty", new Uint8Array());
        assert.deepEqual(await read(repl, "empty"), new Uint8Array());
        await assert.rejects(read(repl, "none"), /The board has no file none/);
        const lost = write(repl, "no/folder", data);
        await assert.rejects(lost, /could not write .*: OSError: .* ENOENT/);
        const big = write(repl, "big", new Uint8Array(2e6));
        await assert.rejects(big, /no room for big, 2000000 bytes; .* are free/);
        const { exec } = repl;
        repl.exec = (code, how) => exec.call(repl, code.replace("AAAA", "AAAB"), how);
        await write(repl, "damaged", new Uint8Array(100));
        """,
        pico,
    )
    assert said == ["damaged arrived damaged: its SHA-256 read back is another. Try again."]


# A board with room for 32 bytes, which counts what is beyond; or an old one without raw paste. It
# does not hear that it is asked for the raw mode the first times.
SMALL_BOARD = """
    const ROOM = 32;
    let output, room, beyond = 0, deaf = DEAF;
    const tell = (text) => output.enqueue(new TextEncoder().encode(text));
    const paste = PASTE;
    const readable = new ReadableStream({ start: (controller) => { output = controller; } });
    const write = (bytes) => {
        const text = new TextDecoder().decode(bytes);
        if (text === "\\r\\x01" && deaf-- <= 0) {
            tell("raw REPL; CTRL-B to exit\\r\\n>");
        } else if (text === "\\x05A\\x01") {
            tell(paste);
            room = ROOM;
        } else if (text === "\\x04") {
            tell("\\x04done\\x04\\x04>");
        } else if (text.startsWith("#")) {
            room -= bytes.length;
            beyond = Math.max(beyond, -room);
            setTimeout(() => {
                room += ROOM;
                tell("\\x01");
            }, 20);
        }
    };
    const line = { readable, writable: new WritableStream({ write }) };
    const repl = new Repl(line, { patience: Infinity });
    say(await repl.exec("#".repeat(1000)));
    say(beyond);
"""
RAW_PASTE = r'"R\x01\x20\x00"'


def small_board(paste=RAW_PASTE, deaf="0"):
    return node(SMALL_BOARD.replace("PASTE", paste).replace("DEAF", deaf))


def test_a_program_is_sent_no_faster_than_a_board_takes_it():
    assert small_board() == ["done", "0"]


def test_a_board_that_comes_up_as_the_line_is_opened():
    assert small_board(deaf="1") == ["done", "0"]


def test_a_board_without_raw_paste_is_too_old():
    (said,) = small_board(r'"raw REPL; CTRL-B to exit\r\n>"')
    assert said == "This MicroPython is too old: it has to be 1.23 or newer."


def test_a_board_that_is_unplugged(tmp_path):
    with emulated("plain") as (board, url):
        said = node(
            """
            const repl = await connect();
            repl.onGone = () => say("gone");
            const board = new Board(repl);
            await assert.rejects(board.load("big.tp"), /There is no tinyprop on the board/);
            const big = new Uint8Array(1e6);
            await board.push("big.tp", big, (bytes) => bytes === 7680 && say("now"));
            """,
            url,
            on_line=lambda line: line == "now" and board.power_off(),
        )
    assert said[:2] == ["now", "gone"]
    assert said[2].startswith(
        "The board is gone: was it unplugged, or did it start anew? Plug it in"
    )


def test_what_does_not_answer():
    master, slave = pty.openpty()
    with SerialOverHttp(os.ttyname(slave)) as line:
        said = node("await (await connect()).exec('1')", line.url, patience=0.2)
    assert said[0].startswith(
        "The board does not answer as MicroPython does (nothing for 0.2 s). Press its reset"
    )


# ---- tinyprop on the board


def taught(tmp_path):
    """A model that CPython has taught, its next 20 samples, and what CPython makes of them."""
    rng = random.Random(1)
    samples = [([rng.uniform(-2, 2) for _ in range(6)], rng.randrange(3)) for _ in range(60)]
    model = tp.Model(6, [tp.Dense(12, activation="relu"), tp.Dense(3)], replay=5)
    for x, y in samples[:40]:
        model.learn(x, y)
    before, after = tmp_path / "before.tp", tmp_path / "after.tp"
    model.save(str(before), replay=True)
    steps = [(model.predict(x), model.learn(x, y), model.loss) for x, y in samples[40:]]
    model.save(str(after), replay=True)
    return before, samples[40:], steps, after


def test_a_model_of_cpython_learns_on_the_board_and_comes_back(pico, tmp_path):
    before, samples, steps, after = taught(tmp_path)
    said = node(
        f"""
        const board = new Board(await connect());
        await board.deploy(say);
        await board.push("pose.tp", new Uint8Array(fs.readFileSync("{before}")));
        const model = await board.load("pose.tp");
        for (const [x, y] of {json.dumps(samples)}) say(await model.learn(x, y));
        const digest = await model.digest();
        await model.save("pose.tp");
        const back = await board.pull("pose.tp");
        fs.writeFileSync("{tmp_path}/back.tp", back);
        say({{ digest }});
        await board.deploy(say);
        """,
        pico,
    )
    assert said[0] == "MicroPython 1.25.0 on Raspberry Pi Pico with RP2040"
    n = len(deploy.FILES)
    copied, said = said[1 : 1 + n], said[1 + n :]
    assert [line.partition(": ")[2] for line in copied] == [
        "copied; its SHA-256 read back is the same"
    ] * n
    assert said[0].startswith(f"tinyprop {tp.__version__} works; it takes ")
    learned = [json.loads(line) for line in said[1:21]]
    for got, (predicted, trained, loss) in zip(learned, steps, strict=True):
        assert (got["predicted"], got["trained"]) == (predicted, trained)
        assert got["loss"] == pytest.approx(loss, rel=1e-6)  # the board's floats have 32 bits
    assert (tmp_path / "back.tp").read_bytes() == after.read_bytes()
    assert json.loads(said[21])["digest"] == hashlib.sha256(after.read_bytes()).hexdigest()
    assert all("is on the board already, by its SHA-256" in line for line in said[23 : 23 + n])


def test_a_model_on_the_board_outlives_a_copy_that_is_cut(pico, tmp_path):
    before, _, _, after = taught(tmp_path)
    n_pieces = -(-len(after.read_bytes()) // 768)
    said = node(
        f"""
        const repl = await connect();
        const board = new Board(repl);
        const exec = repl.exec.bind(repl);
        let left = Infinity; // pieces that come to their end before one that does not
        repl.exec = (code, how) => {{
            if (code.startsWith("_f.write(") && left-- === 0) throw new Error("cut");
            return exec(code, how);
        }};
        const models = ["{before}", "{after}"].map((name) => fs.readFileSync(name));
        const found = async (name) => {{
            const file = await read(repl, name);
            return models.findIndex((model) => model.equals(file));
        }};
        await board.push("cut.tp", models[0]);
        for (left of [0, {n_pieces}, 0]) {{
            await assert.rejects(board.push("cut.tp", models[1]), /cut/);
            await exec("_f.close()");
            say([await found("cut.tp"), await found("cut.tp.old")]);
        }}
        left = Infinity;
        await board.push("cut.tp", models[1]);
        say([await found("cut.tp"), await found("cut.tp.old")]);
        await exec("with open('diary.tp.old', 'w') as _f: _f.write('Dear diary')");
        await assert.rejects(board.push("diary.tp", models[1]), /diary.tp.old on the board is no/);
        await exec("with open('main.py', 'w') as _f: _f.write('print(1)')");
        await assert.rejects(board.push("main.py", models[1]), /main.py on the board is no/);
        """,
        pico,
    )
    assert [json.loads(line) for line in said] == [[0, -1], [-1, 1], [-1, 1], [1, 1]]


def test_samples_of_a_sensor(pico):
    said = node(
        """
        const board = new Board(await connect());
        const got = [];
        const source = `
n = 0
def read():
    global n
    n += 1
    print("told")
    return n, n / 4
`;
        await board.samples(source, 10, (sample) => {
            got.push(sample);
            if (got.length === 5) board.stop();
        });
        assert.deepEqual(got.slice(0, 5), [1, 2, 3, 4, 5].map((n) => [n, n / 4]));
        const hot = board.samples("def read(): return 'hot'", 10, say);
        await assert.rejects(hot, /read.. gives \\["h", "o", "t"\\], expected numbers/);
        await board.samples("def read(): return missing", 10, say);
        """,
        pico,
    )
    assert said[-1].endswith("NameError: name 'missing' isn't defined")


def about(**changes):
    """What a board would say of itself."""
    return {
        "release": "1.25.0",
        "machine": "a board",
        "mpy": 4 << 10 | 3 << 8 | 6,
        "built_in": None,
        "files": [],
        "free": 9,
    } | changes


REFUSED = [
    about(mpy=517),
    about(mpy=4 << 10 | 2 << 8 | 6),
    about(mpy=4 << 10 | 7),
    about(mpy=3 << 8 | 6),
    about(mpy=9 << 10 | 3 << 8 | 6),
    about(files=["tinyprop.py"]),
    about(files=["tinyprop_words"]),
    about(free=None),
    about(built_in="0.0.1"),
    about(built_in=tp.__version__, files=["tinyprop_words.mpy"]),
]


def of_the_command(about):
    """What the command says of it; what to do is another thing in a page."""
    with pytest.raises(Problem) as problem:
        if about["built_in"]:
            deploy.check_built_in(about)
        deploy.architecture(about)
        deploy.check_files(about)
    return str(problem.value)


def test_boards_that_do_not_fit_are_refused_in_the_commands_words():
    said = node(
        f"""
        const known = await facts();
        for (const about of {json.dumps(REFUSED)}) {{
            try {{
                refuse(about, known);
            }} catch (problem) {{
                say(problem.message);
            }}
        }}
        """
    )
    for ours, theirs in zip(said, map(of_the_command, REFUSED), strict=True):
        assert ours.startswith(re.split("[.:] ", theirs)[0])


def test_a_board_with_an_old_micropython(pico):
    said = node(
        f"""
        const repl = await connect();
        const boot = {json.dumps(PRETEND.format("    mpy = 517"))};
        await write(repl, "boot.py", new TextEncoder().encode(boot));
        try {{
            await new Board(repl).deploy();
        }} finally {{
            await repl.exec("import os; os.remove('boot.py')");
            await repl.restart();
        }}
        """,
        pico,
    )
    assert said[0].startswith(
        "MicroPython 1.99.0 is too old for tinyprop.mpy: it has to be 1.23 or newer."
    )


# ---- the Pico in the page


def test_the_pico_in_a_worker_keeps_its_files():
    said = node(
        """
        let pico = await Pico.start();
        const board = new Board(new Repl(pico));
        await board.deploy(say);
        await write(board.repl, "kept.txt", new TextEncoder().encode("still here"));
        await board.repl.exec("in_ram = True");
        await board.repl.leave();
        pico.reset();
        const look = "print('in_ram' in globals(), open('kept.txt').read(), end='')";
        say(await board.repl.exec(look));
        const flash = await pico.flash();
        pico.end();
        await assert.rejects(board.repl.exec("1"), /The Pico in the page is switched off/);
        await assert.rejects(pico.flash(), /The Pico in the page is switched off/);

        pico = await Pico.start({ flash });
        const repl = new Repl(pico);
        say(await repl.exec("print(open('kept.txt').read(), end='')"));
        await repl.exec("import machine; machine.bootloader()");
        """
    )
    assert said[1] == f"tinyprop {tp.__version__} is in this firmware; nothing has to be copied."
    assert said[2:4] == ["False still here", "still here"]
    assert said[4].startswith(
        "The Pico in the page stopped: the program started the USB boot loader"
    )


def test_a_page_that_is_not_whole():
    missing = "globalThis.fetch = async () => new Response('', { status: 404 });"
    (said,) = node(missing + "await Pico.start();")
    assert said == "pico/boot_rom.bin of this page cannot be fetched: load the page again."


def test_a_firmware_for_another_chip():
    program = "await Pico.start({ uf2: new Uint8Array(512) })"
    assert node(program)[0].startswith("The Pico in the page stopped: Invalid magic value")


@pytest.fixture
def tab(browser, pico):
    """A page with these modules, at a PC with one serial port, and without an error at its end."""
    tab = browser.new_page(service_workers="block")
    errors = []
    tab.on("pageerror", lambda error: errors.append(error))
    tab.on(
        "console", lambda message: errors.append(message.text) if message.type == "error" else None
    )
    tab.route("**/web_serial.js", lambda route: route.fulfill(path=STAND_IN))
    tab.goto(pico)
    yield tab
    tab.close()
    assert not errors


def test_a_person_at_the_terminal_of_the_pico_in_the_page(tab):
    tab.evaluate(
        """async () => {
            const { Pico } = await import("./board/pico.js");
            const { Repl } = await import("./board/repl.js");
            const { openTerminal } = await import("./board/terminal.js");
            document.body.insertAdjacentHTML("afterbegin", "<div id=there></div>");
            const repl = new Repl(await Pico.start());
            openTerminal(document.getElementById("there"), repl).focus();
        }"""
    )
    tab.get_by_role("listitem").filter(has_text="MicroPython v1.25.0").wait_for()
    tab.keyboard.type("import tinyprop; print('the answer is', 6 * 7)\n")
    tab.get_by_role("listitem").filter(has_text="the answer is 42").wait_for()


def test_page_pico_and_cpython_learn_the_same(tab, tmp_path):
    files = tab.evaluate(
        """async () => {
            const tp = await import("./tinyprop/tinyprop.js");
            const { Pico } = await import("./board/pico.js");
            const { Repl } = await import("./board/repl.js");
            const { Board } = await import("./board/board.js");
            const sample = (i) => [Uint8Array.of(i, i * i, 7 * i, 255 - i), i % 3];
            const model = new tp.Model(4, [tp.Dense(8, { activation: "relu" }), tp.Dense(3)]);
            for (let i = 0; i < 30; i++) model.learn(...sample(i));
            const board = new Board(new Repl(await Pico.start()));
            await board.push("m.tp", model.save(true));
            const there = await board.load("m.tp");
            for (let i = 30; i < 60; i++) {
                model.learn(...sample(i));
                await there.learn(...sample(i));
            }
            await there.save("m.tp");
            return [model.save(true), await board.pull("m.tp")].map((file) => [...file]);
        }"""
    )
    model = tp.Model(4, [tp.Dense(8, activation="relu"), tp.Dense(3)])
    for i in range(60):
        model.learn(bytes([i, i * i % 256, 7 * i % 256, 255 - i]), i % 3)
    model.save(str(tmp_path / "m.tp"), replay=True)
    assert [bytes(file) for file in files] == [(tmp_path / "m.tp").read_bytes()] * 2


def test_a_board_at_web_serial(tab):
    machine = tab.evaluate(
        """async () => {
            (await import("./web_serial.js")).install("/serial");
            const { Board } = await import("./board/board.js");
            const { Repl } = await import("./board/repl.js");
            const { choosePort, openPort } = await import("./board/serial.js");
            const port = await choosePort();
            const repl = new Repl(await openPort(port));
            const { machine } = await new Board(repl).ask();
            await repl.close();
            await port.close();
            return machine;
        }"""
    )
    assert machine == "Raspberry Pi Pico with RP2040"


def test_the_page_teaches_the_board_until_it_is_unplugged(browser, pico):
    rng = random.Random(1)
    # What keeps the page would keep what the line says, too.
    with Page(browser, pico, service_workers="block") as page:
        page.page.route("**/web_serial.js", lambda route: route.fulfill(path=STAND_IN))
        page.page.evaluate("async () => (await import('./web_serial.js')).install('/serial')")
        page.teach_shapes(rng, each=1)
        page.click("Connect my board")
        page.page.wait_for_selector(f"text=tinyprop {tp.__version__} works")
        page.click("Give it the network")
        page.page.wait_for_selector("text=to the last bit")
        page.draw(drawing("zigzag", rng))
        learns_there_too(page, "zigzag")
        here = page.download("Save model.tp")
        page.page.evaluate("async () => (await navigator.serial.getPorts())[0].unplug()")
        page.page.wait_for_selector("text=The board is gone: was it unplugged")
        page.page.get_by_role("button", name="Connect my board").wait_for()
        assert page.download("Save model.tp") == here
        page.draw(drawing("circle", rng))
        page.tell("circle")
        assert page.counts() == [2, 2, 1]


@pytest.mark.parametrize(
    "serial, sentence",
    [
        ("undefined", "This browser cannot reach a board, as it has no Web Serial."),
        ("{ requestPort: no('NotFoundError') }", "No board was chosen."),
        ("{ requestPort: no('SecurityError') }", "This page may not reach a board: why"),
        ("{ requestPort: () => ({ open: no('NetworkError') }) }", "The port cannot be opened"),
    ],
)
def test_no_board_at_web_serial(tab, serial, sentence):
    said = tab.evaluate(
        """async () => {
            const { choosePort, openPort } = await import("./board/serial.js");
            const no = (name) => async () => { throw new DOMException("why", name); };
            Object.defineProperty(navigator, "serial", { value: SERIAL });
            return choosePort().then(openPort).catch((problem) => problem.message);
        }""".replace("SERIAL", serial)
    )
    assert said.startswith(sentence)


# ---- flashing


def flashed(chip, firmware, tmp_path, **options):
    (tmp_path / "firmware.bin").write_bytes(firmware)
    with FakeEsp32(chip, **options) as esp, SerialOverHttp(esp.port) as line:
        said = node(
            f"""
            let last;
            const firmware = new Uint8Array(fs.readFileSync("{tmp_path}/firmware.bin"));
            await flash(port, firmware, (...progress) => {{ last = progress; }});
            assert.equal(last[0], last[1]);
            say("done");
            """,
            line.url,
        )
    return said[0], esp


@pytest.mark.parametrize("chip, offset", [("ESP32", 0x1000), ("ESP32-C3", 0)])
def test_an_esp32_is_flashed(chip, offset, tmp_path):
    firmware = image(chip)
    said, esp = flashed(chip, firmware, tmp_path)
    assert said == "done"
    assert esp.flash[offset : offset + len(firmware)] == firmware
    assert "MD5 by the stub" in esp.log


@pytest.mark.parametrize(
    "firmware, words",
    [
        (image("ESP32-C3"), "The chip at this port is an ESP32, and the file is for an ESP32-C3"),
        (image("ESP32-H2"), "for a chip that tinyprop does not know: ESP32-H2"),
        (b"no firmware" * 9, "This is no firmware for an ESP32; that is a .bin file."),
        (b"UF2\n" + bytes(508), "for a Pico. Hold the Pico's button BOOTSEL"),
    ],
)
def test_firmware_that_an_esp32_does_not_get(firmware, words, tmp_path):
    said, esp = flashed("ESP32", firmware, tmp_path)
    assert words in said
    assert not any("write" in did for did in esp.log)


def test_a_flash_that_does_not_keep_what_is_written(tmp_path):
    said, _ = flashed("ESP32", image("ESP32"), tmp_path, bad_cell=0x2345)
    assert said.startswith("The board was not flashed; esptool says: ")


def test_no_boot_loader(pico):
    said = node(
        f"""
        const firmware = new Uint8Array({list(image("ESP32", 100))});
        const used = new Port();
        used.open = async () => {{ throw new DOMException("why", "NetworkError"); }};
        await flash(used, firmware).catch((problem) => say(problem.message));
        await port.open();
        await flash(port, firmware).catch((problem) => say(problem.message));
        await port.close();
        await flash(port, firmware);
        """,
        pico,
    )
    assert [sentence[:25] for sentence in said[:2]] == ["The port cannot be opened"] * 2
    assert said[2].startswith("No boot loader of an ESP32 answers. Hold the board's button BOOT")

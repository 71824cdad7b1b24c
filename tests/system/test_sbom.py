"""make sbom: what is in firmware, .mpy files, the page and the wheel."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINS = (ROOT / "boards/versions.mk").read_text()


@pytest.fixture(scope="module")
def written():
    """What a run writes: the list and the table."""
    subprocess.check_output(["make", "-s", "sbom"], cwd=ROOT)
    return [(ROOT / f"dist/sbom.{suffix}").read_text() for suffix in ("json", "md")]


@pytest.fixture(scope="module")
def parts(written):
    """{file: {package: (version, licence)}}"""
    bom = json.loads(written[0])
    of = {component["bom-ref"]: component for component in bom["components"]}
    found = {}
    for whole in bom["dependencies"]:
        if whole.get("dependsOn"):
            found[of[whole["ref"]]["name"]] = {
                of[ref]["name"]: (of[ref]["version"], licence(of[ref]))
                for ref in whole["dependsOn"]
            }
    return found


def licence(component):
    (said,) = component["licenses"]
    return said.get("expression") or said["license"].get("id") or said["license"]["name"]


def test_pinned_sources_have_their_versions(parts):
    firmware = parts["tinyprop RPI_PICO firmware"]
    for name in ("micropython", "pico-sdk-source", "tinyusb-source", "mbedtls"):
        variable = name.upper().replace("-", "_")
        assert re.search(rf"^{variable}=.*/{re.escape(firmware[name][0])}$", PINS, re.MULTILINE)


def test_licences(parts):
    assert all(set(packages) > {"tinyprop"} for packages in parts.values())
    firmware = parts["tinyprop RPI_PICO firmware"]
    assert firmware["tinyprop"][1] == "MIT"
    assert firmware["tinyusb-source"][1] == "MIT"
    assert firmware["micropython/lib/littlefs"][1] == "BSD-3-Clause"
    assert "GPL-2.0-or-later" in firmware["mbedtls"][1]
    assert "NOASSERTION" not in str(parts)


def test_the_compilers_library_is_named_where_it_is_linked(parts):
    exception = "GPL-3.0-or-later WITH GCC-exception-3.1"
    assert parts["tinyprop armv6m .mpy"]["gcc-arm-none-eabi"][1] == exception
    assert set(parts["tinyprop xtensawin .mpy"]) == {"micropython", "tinyprop"}


def test_the_wheel_needs_what_it_declares(parts):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.match(r"[\w-]+", name).group() for name in declared}
    inside = set(parts["tinyprop page"])
    assert set(parts["tinyprop wheel"]) - inside == names and "numpy" in names
    version, licence = parts["tinyprop wheel"]["numpy"]
    assert f"=numpy=={version}\n" in PINS and "BSD-3-Clause" in licence


def test_the_page_names_the_libraries_in_it(parts):
    page = parts["tinyprop page"]
    for variable in "RP2040JS", "UF2", "NOBLE_HASHES", "XTERM", "XTERM_FIT", "ESPTOOL_JS":
        name, version = re.search(rf"^NPM_{variable}=(.+)@(.+)$", PINS, re.MULTILINE).groups()
        assert page[name][0] == version
    assert page["esptool-js"][1] == "Apache-2.0"
    assert page["pako"][1] == "MIT AND Zlib"  # which esptool-js has in it
    assert set(page) > set(parts["tinyprop RPI_PICO firmware"])
    vendor = ROOT / "dist/web/board/vendor"
    for file in vendor.rglob("*.js"):
        folders = file.relative_to(vendor).parents
        assert any((vendor / folder / "LICENSE").is_file() for folder in folders), file


def test_the_table_says_the_same(written, parts):
    rows = [line.split(" | ") for line in written[1].splitlines() if line.startswith("| ")][1:]
    table = {
        (file.strip("| "), name): (version, licence) for file, name, version, licence, _ in rows
    }
    assert table == {
        (file.removeprefix("tinyprop "), name): about
        for file, packages in parts.items()
        for name, about in packages.items()
    }
    sizes = [int(row[4].strip("| ")) for row in rows if row[0] == "| RPI_PICO firmware"]
    assert 0.95 < sum(sizes) / (ROOT / "build/RPI_PICO/firmware.bin").stat().st_size < 1.1


def test_the_same_files_have_the_same_list(written):
    archs = re.search(r"^ARCH \?= (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE).group(1)
    again = [sys.executable, "boards/sbom.py", "RPI_PICO", *archs.split()]
    subprocess.check_output(again, cwd=ROOT)
    assert written[0] == (ROOT / "dist/sbom.json").read_text()

"""What goes into firmware, .mpy files, the page and the wheel: dist/sbom.json, dist/sbom.md.

    python boards/sbom.py BOARD ARCH...          (all are built already)

The linkers tell which files they took. The licence of each is read from the file, else from what
stands above it in its package. sbom.json is CycloneDX 1.6.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
import uuid
from collections import defaultdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import fixup_id
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("CACHE", Path.home() / ".cache/tinyprop")).resolve()

FLASH = 0x10000000  # where the RP2040 has it; what a linker's map shows at 0 is for debuggers
UNKNOWN = "NOASSERTION"
# By what licences are known without an SPDX-License-Identifier; collections come first.
PHRASES = {
    "GCC RUNTIME LIBRARY EXCEPTION": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "newlib subdirectory is a collection": "LicenseRef-newlib",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Developed at SunPro": "SunPro",
    "FatFs module is an open source software": "BSD-1-Clause",
}


class Package(NamedTuple):
    """Where files come from: tinyprop, a folder of the cache, or an installed package."""

    kind: str
    name: str
    version: str


class Product(NamedTuple):
    """What is handed out: for each package that it is made of, licences and bytes."""

    name: str
    kind: ComponentType
    licences: dict
    size: dict


def product(name, kind, parts):
    licences, size = defaultdict(set), defaultdict(int)
    for package, licence, n_bytes in parts:
        licences[package].add(licence)
        size[package] += n_bytes
    return Product(name, kind, licences, size)


def licence_in(path):
    text = path.read_text(errors="replace")
    said = re.search(r"SPDX-License-Identifier:\s*(.+?)(\s*\*/)?$", text, re.MULTILINE)
    known = [name for phrase, name in PHRASES.items() if phrase in text]
    return said.group(1) if said else known[0] if known else None


def spdx(name):
    """SPDX's name of a licence that is written a little otherwise."""
    return fixup_id(name) or name


def licence_of(file, root):
    """Of a source file; where it says nothing, what stands above it, up to the folder root."""
    if file.is_file() and licence_in(file):
        return licence_in(file)
    for folder in file.parents:
        for path in sorted(folder.glob("LICENSE*")):
            # MicroPython's has rows for folders below it: /uzlib (Zlib).
            name = re.escape(file.parent.name)
            row = re.search(rf"^ +/{name} \((.+)\)$", path.read_text(), re.MULTILINE)
            return spdx(row.group(1)) if row else licence_in(path) or UNKNOWN
        if folder == root:
            break
    for path in root.glob("usr/share/doc/*/copyright"):
        row = re.search(r"^Files: \*\n(?:.+\n)*?License: (.+)$", path.read_text(), re.MULTILINE)
        if row:
            return spdx(row.group(1))
    return UNKNOWN


def version():
    text = (ROOT / "micropython_mod/tinyprop.py").read_text()
    return re.search(r'^__version__ = "(.+)"', text, re.MULTILINE).group(1)


TINYPROP = Package("generic", "tinyprop", version())


def sources():
    """The folders that files are compiled from, and their packages by boards/versions.mk."""
    found = {ROOT: TINYPROP}
    text = (ROOT / "boards/versions.mk").read_text()
    for variable, pinned in re.findall(r"^(\w+)=\w+/\w+/(?:\d+:)?(.+)$", text, re.MULTILINE):
        name = variable.lower().replace("_", "-")
        found[CACHE / "sources" / f"{name}-{pinned}"] = Package("deb", name, pinned)
    return found


SOURCES = sources()


def folder_of(name):
    return next(folder for folder, package in SOURCES.items() if package.name == name)


def from_source(file):
    """The package and the licence of a file that was compiled."""
    file = file.resolve()
    root = next(folder for folder in file.parents if folder in SOURCES)
    package = SOURCES[root]
    inside = re.match(r"lib/([^/]+)/", str(file.relative_to(root)))
    if inside and package.name == "micropython":
        package = Package("generic", f"micropython/lib/{inside.group(1)}", package.version)
    return package, licence_of(file, root)


@cache
def package_of(file):
    """The name of the installed package that a file is of."""
    return subprocess.check_output(["dpkg", "-S", file.resolve()], text=True).split(":")[0]


def from_library(archive, member):
    """The package and the licence of a file in a library that a compiler brings."""
    if CACHE in archive.parents:
        # boards/setup/xtensa_toolchain.sh has compiled it, from compiler-rt but for this one.
        own, name = ROOT / "boards/setup/xtensa_runtime.S", Path(member).stem
        its = own if name == own.stem else next(folder_of("emscripten").rglob(f"{name}.c"))
        return from_source(its)
    name = package_of(archive)
    show = ["dpkg-query", "-W", "-f", "${Version}", name]
    package = Package("deb", name, subprocess.check_output(show, text=True))
    # Debian's package of the ARM compiler points to that of its gcc.
    host = subprocess.check_output(["gcc", "-print-libgcc-file-name"], text=True).strip()
    texts = [Path(f"/usr/share/doc/{name}/copyright") for name in (name, package_of(Path(host)))]
    return package, next(filter(None, map(licence_in, texts)), UNKNOWN)


def placed(board):
    """(path, bytes) of the object files of which the linker's map shows something in the flash."""
    text = (ROOT / f"build/{board}/firmware.elf.map").read_text()
    text = text.split("Linker script and memory map")[1]
    rows = re.findall(r"^ [.\w$*]+\s+0x(\w+)\s+0x(\w+) (\S+)$", text, re.MULTILINE)
    for at, size, path in rows:
        if int(at, 16) >= FLASH and int(size, 16):
            yield path, int(size, 16)


@cache
def firmware(board):
    parts = []
    for path, size in placed(board):
        compiled = path.removeprefix("CMakeFiles/firmware.dir/").removesuffix(".o")
        archive, _, member = path.partition("(")
        if path.startswith("/"):
            found = from_library(Path(archive), member.rstrip(")"))
        elif Path("/", compiled).is_file():
            found = from_source(Path("/", compiled))
        elif path.startswith("pico-sdk/"):  # made by the SDK's build, as is the start of the flash
            found = from_source(folder_of("pico-sdk-source") / "usr/src" / path)
        else:  # the port's own, or made by its build, as are frozen Python and the table of pins
            found = from_source(folder_of("micropython") / "ports/rp2" / compiled)
        parts.append((*found, size))
    return product(f"{board} firmware", ComponentType.FIRMWARE, parts)


def mpy(arch):
    folder = ROOT / "build/natmod" / arch
    header = folder_of("micropython") / "py/dynruntime.h"
    parts = [from_source(ROOT / "usermod_c/tinyprop/modtinyprop.c"), from_source(header)]
    for line in re.findall(r"^using (.+)$", (folder / "linked.txt").read_text(), re.MULTILINE):
        archive, _, member = line.rpartition(":")
        parts.append(from_library(Path(archive), member))
    return product(f"{arch} .mpy", ComponentType.LIBRARY, [(*part, 0) for part in parts])


def page(*inside):
    """The libraries of npm in it, and the files for boards that it brings."""
    parts = parts_of(*inside)
    vendor = ROOT / "dist/web/board/vendor"
    locked = json.loads((ROOT / "boards/setup/lock/package-lock.json").read_text())["packages"]
    for path, about in locked.items():
        name = path.removeprefix("node_modules/")
        if name and (vendor / name).is_dir():
            parts.append((Package("npm", name, about["version"]), about["license"].strip("()")))
    return product("page", ComponentType.APPLICATION, [(*part, 0) for part in parts])


def parts_of(*products):
    return [
        (package, licence)
        for one in products
        for package, licences in one.licences.items()
        for licence in licences
    ]


def wheel(*inside):
    """What it needs is installed beside it."""
    parts = [from_source(ROOT / "setup.py"), *parts_of(*inside)]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name in project["dependencies"]:
        about = metadata.metadata(re.match(r"[\w-]+", name).group())
        licence = about["License-Expression"] or (about["License"] or UNKNOWN).splitlines()[0]
        parts.append((Package("pypi", about["Name"], about["Version"]), licence))
    return product("wheel", ComponentType.LIBRARY, [(*part, 0) for part in parts])


def expression(licences):
    if len(licences) == 1:
        return min(licences)
    return " AND ".join(f"({one})" if " OR " in one else one for one in sorted(licences))


def table(products):
    lines = ["# What is in tinyprop's files", ""]
    lines += ["| file | made of | version | licence | bytes |", "|---|---|---|---|---|"]
    for name, _, licences, size in products:
        for package in sorted(licences, key=lambda package: (-size[package], package)):
            made_of = f"{package.name} | {package.version} | {expression(licences[package])}"
            lines.append(f"| {name} | {made_of} | {size[package] or ''} |")
    return "\n".join(lines) + "\n"


def cyclonedx(products):
    """A component for each file, which depends on one for each package that it is made of."""
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_OID, table(products)))
    bom.metadata.timestamp = None  # the same files have the same list
    make = LicenseFactory().make_from_string
    for name, kind, licences, _ in products:
        whole = Component(
            name=f"tinyprop {name}", version=TINYPROP.version, type=kind, bom_ref=name
        )
        parts = []
        for package, names in licences.items():
            space, base = "debian" if package.kind == "deb" else None, package.name
            if package.kind == "npm":
                space, _, base = package.name.rpartition("/")
            purl = PackageURL(package.kind, space, base, package.version)
            licence = make(expression(names))
            # What is linked of a package, and so its licence, differs from file to file.
            ref = f"{name}: {purl}"
            about = {"name": package.name, "version": package.version, "licenses": [licence]}
            parts.append(Component(**about, bom_ref=ref, purl=purl))
        bom.components.update([whole, *parts])
        bom.register_dependency(whole, parts)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def main(board, *archs):
    mpys = [mpy(arch) for arch in archs]
    of_page = page(firmware("RPI_PICO"), *mpys)
    products = [firmware(board), *mpys, of_page, wheel(of_page)]
    dist = ROOT / "dist"
    (dist / "sbom.json").write_text(cyclonedx(products))
    (dist / "sbom.md").write_text(table(products))
    print(table(products), end="")


if __name__ == "__main__":
    main(*sys.argv[1:])

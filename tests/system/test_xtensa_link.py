"""mpy_ld.py links tinyprop.mpy. On Xtensa it knows a constant by section and offset, or by a local
name, and forgets of which file: two files that both use .rodata+0 share one of their tables,
without an error. So only one of the linked files may use any such name."""

import io
import subprocess
from collections import Counter
from pathlib import Path

from ar import Archive
from elftools.elf.elffile import ELFFile

ROOT = Path(__file__).resolve().parents[2]


def script(*command):
    return subprocess.check_output(command, cwd=ROOT, text=True).split("\n")[-2]


def names_in_literals(file):
    """What the literals of an object file point to, where the name means something in it only."""
    elf = ELFFile(file)
    symbols = elf.get_section_by_name(".symtab")
    names = set()
    for relocations in elf.iter_sections("SHT_RELA"):
        literals = elf.get_section(relocations["sh_info"])
        if not literals.name.startswith(".literal"):
            continue
        for relocation in relocations.iter_relocations():
            symbol = symbols.get_symbol(relocation["r_info_sym"])
            if symbol["st_info"]["type"] == "STT_SECTION":
                section = elf.get_section(symbol["st_shndx"]).name
                at = relocation["r_offset"]
                offset = int.from_bytes(literals.data()[at : at + 4], "little")
                names.add(f"{section}+{offset}")
            elif symbol["st_info"]["bind"] == "STB_LOCAL":
                names.add(f"{symbol.name}+{relocation['r_addend']}")
    return names


def shared_names(files):
    counts = Counter(name for file in files for name in names_in_literals(file))
    return {name for name, count in counts.items() if count > 1}


def compiler():
    return f"{script('boards/setup/xtensa_toolchain.sh')}/bin/xtensa-esp32-elf-gcc"


def runtime_library():
    path = subprocess.check_output([compiler(), "-print-libgcc-file-name"], text=True).strip()
    with open(path, "rb") as f:
        archive = Archive(f)
        return [io.BytesIO(archive.open(entry.name, "rb").read()) for entry in archive]


def test_no_two_files_of_the_xtensawin_module_share_a_name():
    script("usermod_c/tinyprop/natmod/build.sh", "xtensawin")
    objects = sorted((ROOT / "build/natmod/xtensawin").glob("**/*.o"))
    files = [io.BytesIO(path.read_bytes()) for path in objects]
    assert any(names_in_literals(file) for file in files), "tinyprop has tables"
    assert shared_names(files + runtime_library()) == set()


def test_two_files_with_tables_are_found_out(tmp_path):
    files = []
    for name in "ab":
        source = tmp_path / f"{name}.c"
        source.write_text(
            f"static const int table[] = {{1, 2, 3}}; int {name}(int i) {{ return table[i]; }}"
        )
        compiled = source.with_suffix(".o")
        subprocess.check_call([compiler(), "-Os", "-fpic", "-c", source, "-o", compiled])
        files.append(io.BytesIO(compiled.read_bytes()))
    assert shared_names(files) == {".rodata+0"}

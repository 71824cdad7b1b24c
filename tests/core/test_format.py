"""The structures of the C headers are those that tests and numpy have."""

import images
import native


def test_records_have_the_fields_of_the_header(tmp_path):
    lines = ["#include <stdio.h>", '#include "core.h"', "int main(void) {"]
    for struct, dtype in images.STRUCTURES.items():
        lines.append(f'printf("{struct} %zu\\n", sizeof({struct}));')
        for name in dtype.names:
            size = f"sizeof((({struct} *)0)->{name})"
            lines.append(f'printf("{name} %zu %zu\\n", offsetof({struct}, {name}), {size});')
    (tmp_path / "offsets.c").write_text("\n".join([*lines, "return 0; }"]))
    native.gcc("-o", tmp_path / "offsets", tmp_path / "offsets.c")
    got = native.subprocess.check_output([tmp_path / "offsets"], text=True).splitlines()
    want = []
    for struct, dtype in images.STRUCTURES.items():
        want.append(f"{struct} {dtype.itemsize}")
        for name in dtype.names:
            want.append(f"{name} {dtype.fields[name][1]} {dtype[name].itemsize}")
    assert got == want

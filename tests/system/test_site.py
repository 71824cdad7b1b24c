"""The documentation as a site: every page is there, links lead somewhere, a search finds."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def build(source, folder):
    """What make docs runs, on another folder."""
    (recipe,) = re.findall(
        r"\$\(PYTHON\) (-m sphinx .*) dist/docs$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    command = [sys.executable, *recipe.split(), folder]
    return subprocess.run(command, cwd=source, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_menu(site):
    menu = set(
        re.findall(
            r'class="toctree-l1"><a class="reference internal" href="([^"]+)',
            (site / "index.html").read_text(),
        )
    )
    pages = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("reports/*.md"),
        *ROOT.glob("examples/*/README.md"),
    ]
    wanted = {str(page.relative_to(ROOT).with_suffix(".html")) for page in pages} - {"README.html"}
    assert wanted <= menu


def test_docstrings_are_there(site):
    text = (site / "docs/reference.html").read_text()
    for name in (
        "tinyprop.Model.learn",
        "tinyprop_layers.Dense",
        "tinyprop_sensor.Window",
        "tinyprop_desk.from_onnx",
    ):
        assert f'id="{name}"' in text


def test_search_knows_a_name(site):
    assert '"knows"' in (site / "searchindex.js").read_text()


def test_a_link_to_nowhere_ends_the_build(tmp_path):
    (tmp_path / "docs").mkdir()
    for name in "conf.py", "tutorial.md":
        shutil.copy(ROOT / "docs" / name, tmp_path / "docs")
    (tmp_path / "README.md").write_text(
        "# A page\n\n[A section](docs/tutorial.md#that-is-not-there)\n"
    )
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode and "that-is-not-there" in done.stderr

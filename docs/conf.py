"""The documentation as a site: make docs; dist/docs/index.html.

The pages are those of the repository, README first: a forge and the site show the same.
"""

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [
    str(ROOT / folder) for folder in ("micropython_mod", "host_sim/backend", "host_sim")
]

project = "tinyprop"
author = "tinyprop contributors"
copyright = "tinyprop contributors, MIT licence"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "README"
include_patterns = [
    "*.md",
    "docs/*.md",
    "docs/*.rst",
    "reports/*.md",
    "bench/*.md",
    "examples/*/README.md",
]
nitpicky = True  # a link that leads nowhere is a warning, and a warning ends the build
myst_heading_anchors = 4
html_theme = "furo"
html_title = "tinyprop"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
autodoc_member_order = "bysource"

CONTENTS = {
    "Begin": [
        "docs/tutorial",
        "docs/browser",
        "docs/boards",
        "docs/fleet",
        "docs/questions",
        "examples/*/README",
    ],
    "Look up": ["docs/api", "docs/reference", "docs/desk", "docs/method", "docs/micropythons"],
    "Trust": ["docs/guarantees", "docs/numbers", "docs/format", "docs/performance", "SECURITY"],
    "Measured": ["bench/results", "reports/*"],
    "Take part": ["docs/how_it_works", "CONTRIBUTING", "CHANGELOG"],
}


def prepare(app, page, source):
    """Adds the menu to README, where a forge could not show it; names folders without a link."""
    source[0] = re.sub(r"\[([^]]+)\]\([\w./]+/\)", r"\1", source[0])
    if page == root_doc:
        for caption, pages in CONTENTS.items():
            lines = ["```{toctree}", ":hidden:", ":glob:", f":caption: {caption}", *pages, "```"]
            source[0] += "\n" + "\n".join(lines) + "\n"


def keep_lines(app, what, name, thing, options, lines):
    """Docstrings are set in columns, as help() shows them."""
    lines[:] = [".. code-block:: none", "", *("   " + line for line in lines), ""]


def add_index(app, exception):
    """Where a web server looks first."""
    if not exception:
        shutil.copy(Path(app.outdir, "README.html"), Path(app.outdir, "index.html"))


def setup(app):
    app.connect("source-read", prepare)
    app.connect("autodoc-process-docstring", keep_lines)
    app.connect("build-finished", add_index)

"""Packages, an installation, the page and a browser, which the tests of a run share."""

import contextlib
import fcntl
import os
import subprocess
import threading

import pytest
from click.testing import CliRunner
from installation import ROOT, Environment, make_packages
from playwright.sync_api import sync_playwright
from tinyprop_cli import serve
from tinyprop_cli.__main__ import main


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """The folder with a wheel and an sdist. Processes that test side by side share it: it takes
    half a minute to make."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / "packages"
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = tmp_path_factory.mktemp("packages")
            make_packages(made)
            made.rename(folder)
    return folder


@pytest.fixture(scope="session")
def wheel(packages):
    (file,) = packages.glob("*.whl")
    return file


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("wheel"), wheel)


@pytest.fixture
def said():
    """said("deploy", "COM3"): what the command prints, on stdout and stderr."""

    def run(*arguments, code=0):
        words = [str(argument) for argument in arguments]
        done = CliRunner().invoke(main, words, catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done.output

    return run


@pytest.fixture
def locked():
    """with locked(path): ...; who may not use it. Root, who may use all, is somebody else then."""

    @contextlib.contextmanager
    def lock(path):
        mode = os.stat(path).st_mode
        os.chmod(path, 0)
        if not os.geteuid():
            os.seteuid(65534)
        try:
            yield
        finally:
            if os.getuid() != os.geteuid():
                os.seteuid(os.getuid())
            os.chmod(path, mode)

    return lock


@pytest.fixture(scope="session")
def web():
    """The folder with the page, as it is built now."""
    subprocess.run([ROOT / "boards/web.sh"], check=True, stdout=subprocess.DEVNULL)
    return ROOT / "dist/web"


@pytest.fixture(scope="session")
def address(web):
    """Where tinyprop serve shows it."""
    with serve.server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield serve.address(server)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser():
    sounds = ["--use-fake-device-for-media-stream"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=sounds)
        yield browser
        browser.close()

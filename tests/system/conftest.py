"""Packages and an installation, which the tests of a run share."""

import pytest
from click.testing import CliRunner
from installation import Environment, make_packages
from tinyprop_cli.__main__ import main


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """The folder with a wheel and an sdist."""
    folder = tmp_path_factory.mktemp("packages")
    make_packages(folder)
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

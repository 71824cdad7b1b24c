"""Packages and an installation, which the tests of a run share."""

import pytest
from installation import Environment, make_packages


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

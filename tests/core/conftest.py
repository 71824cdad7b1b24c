import native
import pytest


@pytest.fixture(scope="session")
def c(tmp_path_factory):
    """The C core as a shared library."""
    return native.library(tmp_path_factory.mktemp("core"))

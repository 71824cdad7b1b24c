"""tables.h is what its generator makes."""

from host_sim.generate import tables


def test_tables_are_what_their_formulas_say():
    assert tables.HEADER.read_text() == tables.text()

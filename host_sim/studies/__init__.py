"""Comparisons: `make digits`, `make streams`, and `make reproduce` with the papers' table."""

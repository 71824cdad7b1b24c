"""Comparisons: `make digits`, `make streams`, `make first_use`, and `make reproduce` with the
papers' table."""

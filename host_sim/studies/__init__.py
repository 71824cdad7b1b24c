"""Comparisons: `make digits`, `make streams`, `make first_use`, `make faults`, and `make
reproduce` with the papers' table."""

"""Comparisons: `make digits`, `make streams`, `make first_use`, `make faults`, `make
unknown`, and `make reproduce` with the papers' table."""

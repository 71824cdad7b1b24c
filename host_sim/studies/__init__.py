"""Comparisons: `make digits`, `make streams`, `make first_use`, `make faults`, `make
unknown`, `make fleet`, `make endurance`, and `make reproduce` with the papers' table."""

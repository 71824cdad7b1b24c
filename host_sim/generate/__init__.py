"""Files that are written by a program, one module each: `python -m host_sim <module>`."""

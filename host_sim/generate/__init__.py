"""What a program writes: a module a file, `python -m host_sim <module>`."""

"""The command `tinyprop`: what a person does with a board at a PC. __main__.py has its words.

__main__    the commands, their options and help
deploy      tinyprop's files onto a board
flash       firmware onto a board
models      a saved model to the board and back, and what is in it
doctor      what is connected, and what is missing
copying     files over the line, compared by their SHA-256
board       a board: its facts, its port, MicroPython on it
"""

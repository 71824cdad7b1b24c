"""The command `tinyprop`: what a person does with a board at a PC. __main__.py has its words.

__main__    the commands, their options and help
deploy      tinyprop's files onto a board
flash       firmware onto a board
models      a saved model to the board and back, and what is in it
train       a model out of a table of samples
onnx        a model out of a network of PyTorch or Keras
evaluate    how well a model answers
compare     whether a board computes what this PC does
record      samples that a board prints, into a file
watch       how a board learns
doctor      what is connected, and what is missing
serve       the page for browsers on this PC
samples     tables and arrays of samples
screen      curves and tables in a terminal
pictures    the same as a file
lines       what a board prints
copying     files over the line, compared by their SHA-256
files       files of this PC
board       a board: its facts, its port, MicroPython on it
"""

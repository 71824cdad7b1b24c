"""Becomes a program whose standard input and output are a pseudo-terminal; prints its path first.

python3 on_pty.py COMMAND...
"""

import os
import sys
import tty

program_side, user_side = os.openpty()
tty.setraw(user_side)
print(os.ttyname(user_side), flush=True)
os.dup2(program_side, 0)
os.dup2(program_side, 1)
# Kept open, so that the line survives when its user comes and goes.
os.set_inheritable(user_side, True)
os.execvp(sys.argv[1], sys.argv[1:])

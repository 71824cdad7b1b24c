# Freezes the Python half of tinyprop into a firmware.
module("tinyprop.py")

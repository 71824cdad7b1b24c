# Freezes the Python half of tinyprop into a firmware.
module("tinyprop.py")
module("tinyprop_layers.py")
module("tinyprop_words.py")
module("tinyprop_state.py")
module("tinyprop_check.py")
module("tinyprop_files.py")
module("tinyprop_sensor.py")
module("tinyprop_fleet.py")

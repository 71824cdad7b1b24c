# tinyprop as a user C module of MicroPython's make ports: USER_C_MODULES=<this repository>/usermod_c
TINYPROP_DIR := $(USERMOD_DIR)
SRC_USERMOD_C += $(TINYPROP_DIR)/modtinyprop.c
SRC_USERMOD_LIB_C += $(addprefix $(TINYPROP_DIR)/core/,$(shell cat $(TINYPROP_DIR)/core/sources.txt))
SRC_USERMOD_LIB_ASM += $(TINYPROP_DIR)/core/kernels/armv6m.S  # empty for any other processor
CFLAGS_USERMOD += -I$(TINYPROP_DIR)/core
# Ports compile for size; learning is worth speed.
$(BUILD)/tinyprop/core/%.o: CFLAGS += -O2

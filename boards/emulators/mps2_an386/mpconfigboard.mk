# A board for MicroPython's ports/qemu: a Cortex-M4 with an FPU, which runs armv7emsp .mpy files.
#   make -C ports/qemu BOARD=mps2_an386 BOARD_DIR=.../boards/emulators/mps2_an386
QEMU_ARCH = arm
QEMU_MACHINE = mps2-an386

CFLAGS += -mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
CFLAGS += -DQEMU_SOC_MPS2
CFLAGS += -DMICROPY_HW_MCU_NAME='"Cortex-M4F"'

LDSCRIPT = mcu/arm/mps2.ld
SRC_BOARD_O = shared/runtime/gchelper_native.o shared/runtime/gchelper_thumb2.o

# The port's start-up code leaves the FPU switched off: fpu.c comes between it and uart_init() of uart.c.
vpath %.c $(BOARD_DIR)
SRC_C += fpu.c
$(BUILD)/uart.o: CFLAGS += -Duart_init=port_uart_init

# Of newer versions of the port, as the older ones have it in their code.
MICROPY_STACK_SIZE ?= 10240

MPY_CROSS_FLAGS += -march=armv7emsp

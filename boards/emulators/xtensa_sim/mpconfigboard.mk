# A board for MicroPython's ports/qemu: a windowed Xtensa core, as in the ESP32, that runs xtensawin .mpy files.
#   make -C ports/qemu BOARD=xtensa_sim BOARD_DIR=.../boards/emulators/xtensa_sim CROSS_COMPILE=.../xtensa-esp32-elf-
#   qemu-system-xtensa -M sim -cpu dc233c -semihosting -nographic -kernel firmware.elf
# Like an ESP32 it has register windows and faults on misaligned words. Unlike one it has no memory that is read in
# whole words only (IRAM), no caches, no interrupts, no FreeRTOS, and 32 registers in place of 64.
# Semihosting, which the console needs, opens the host's files to the guest: run trusted code only.
QEMU_ARCH = xtensa
QEMU_MACHINE = sim
QEMU_ARGS += -cpu dc233c

CFLAGS += -mtext-section-literals -I$(BOARD_DIR)
CFLAGS += -DMICROPY_HW_MCU_NAME='"dc233c"'
CFLAGS += -DMICROPY_EMIT_XTENSAWIN=1
CFLAGS += -DMICROPY_NLR_SETJMP=1 -DMICROPY_GCREGS_SETJMP=1

LDFLAGS += -nostdlib
LDSCRIPT = $(BOARD_DIR)/sim.ld
LIBS = $(shell $(CC) -print-libgcc-file-name)

vpath %.c $(BOARD_DIR)
vpath %.S $(BOARD_DIR)
SRC_C += sim.c
SRC_BOARD_O = vectors.o setjmp.o shared/runtime/gchelper_generic.o

MICROPY_HEAP_SIZE ?= 524288
# Of newer versions of the port, as the older ones have it in their code.
MICROPY_STACK_SIZE ?= 10240
MPY_CROSS_FLAGS += -march=xtensawin

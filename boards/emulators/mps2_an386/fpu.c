#include <stdint.h>

#include "uart.h"

#define CPACR (*(volatile uint32_t *)0xe000ed88)
#define CPACR_FULL_FPU_ACCESS (0xf << 20)

void port_uart_init(void);

void uart_init(void) {
    CPACR |= CPACR_FULL_FPU_ACCESS;
    __asm__ volatile("dsb\n isb");
    port_uart_init();
}

/* Vector table and reset: enables the FPU, fills .data and .bss, calls main and ends the run with its result. */
#include <stdint.h>
#include <string.h>

#include "targets/cortex-m/semihosting.h"

int main(void);

extern unsigned char data_begin[], data_end[], data_in_flash[], bss_begin[], bss_end[], stack_top[];

/* Coprocessor Access Control Register (ARMv7-M, B3.2.20): full access to CP10 and CP11, the FPU. */
#define CPACR (*(volatile uint32_t*)0xE000ED88u)
#define CPACR_FPU (0xFu << 20)

__attribute__((noreturn)) void reset(void) {
  CPACR |= CPACR_FPU;
  __asm volatile("dsb\n isb" ::: "memory");
  memcpy(data_begin, data_in_flash, (size_t)(data_end - data_begin));
  memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
  semihosting_exit(main());
}

__attribute__((noreturn)) static void fault(void) {
  print_text("processor fault\n");
  semihosting_exit(2);
}

typedef void (*handler)(void);

/* Initial stack pointer, then the ARMv7-M exceptions 1 to 15. No interrupt is enabled. */
struct vector_table {
  unsigned char* stack;
  handler handlers[15];
};

__attribute__((section(".vectors"), used)) static const struct vector_table vectors = {
    stack_top, {reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault}};

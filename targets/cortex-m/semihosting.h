/* Console and exit through the debugger (Arm semihosting), and the little printing that a firmware example needs: no
 * stdio, no heap. On a board without a debugger attached these calls stop the processor; replace them by a UART. */
#ifndef LINNET_TARGETS_CORTEX_M_SEMIHOSTING_H_
#define LINNET_TARGETS_CORTEX_M_SEMIHOSTING_H_

#include <stdint.h>

void print_text(const char* text);
void print_int(int32_t value);
void print_number(const char* name, int32_t value); /* a line */
void print_error(const char* text, int32_t wanted, int32_t got);
/* Fixed notation with six decimals; magnitudes from 2^32 on are printed as "large". */
void print_float(float value);

/* Ends the run; the debugger or emulator exits with `code`. */
__attribute__((noreturn)) void semihosting_exit(int code);

#endif /* LINNET_TARGETS_CORTEX_M_SEMIHOSTING_H_ */

#include "targets/cortex-m/semihosting.h"

/* Operation numbers: Semihosting for AArch32 and AArch64, Arm IHI 0116. */
#define SYS_WRITE0 0x04
#define SYS_EXIT_EXTENDED 0x20
#define ADP_STOPPED_APPLICATION_EXIT 0x20026u

static void semihosting_call(uint32_t operation, const void* argument) {
  register uint32_t r0 __asm("r0") = operation;
  register const void* r1 __asm("r1") = argument;
  __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void print_text(const char* text) {
  semihosting_call(SYS_WRITE0, text);
}

void semihosting_exit(int code) {
  uint32_t block[2];
  block[0] = ADP_STOPPED_APPLICATION_EXIT;
  block[1] = (uint32_t)code;
  semihosting_call(SYS_EXIT_EXTENDED, block);
  for (;;) {
  }
}

/* At least `digits` decimal digits, zeros in front. */
static void print_unsigned(uint32_t value, int digits) {
  char text[11];
  int begin = sizeof(text) - 1;
  text[begin] = 0;
  do {
    text[--begin] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0 || (int)sizeof(text) - 1 - begin < digits);
  print_text(text + begin);
}

void print_int(int32_t value) {
  if (value < 0) print_text("-");
  print_unsigned(value < 0 ? 0u - (uint32_t)value : (uint32_t)value, 1);
}

void print_number(const char* name, int32_t value) {
  print_text(name);
  print_int(value);
  print_text("\n");
}

void print_error(const char* text, int32_t wanted, int32_t got) {
  print_text(text);
  print_text(": wanted ");
  print_int(wanted);
  print_text(", got ");
  print_int(got);
  print_text("\n");
}

void print_float(float value) {
  uint32_t whole, millionths;
  if (value != value) {
    print_text("nan");
    return;
  }
  if (value < 0) {
    print_text("-");
    value = -value;
  }
  if (value >= 4294967296.0f) {
    print_text("large");
    return;
  }
  whole = (uint32_t)value;
  millionths = (uint32_t)((value - (float)whole) * 1e6f + 0.5f);
  if (millionths == 1000000u) {
    ++whole;
    millionths = 0;
  }
  print_unsigned(whole, 1);
  print_text(".");
  print_unsigned(millionths, 6);
}

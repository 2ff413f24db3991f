/* Limits the instruction sets that a process sees: LD_PRELOAD=libcpuid_mask.so LINNET_BENCH_ISA=avx2 PROGRAM.
 *
 * The constructor asks the kernel to let CPUID fault in this thread and in all that it will start (arch_prctl(2),
 * ARCH_SET_CPUID; processors since Ivy Bridge). Each CPUID then raises SIGSEGV; the handler executes the instruction
 * itself, clears the feature bits that the limit excludes, and continues behind it. Programs that a masked one starts
 * with execve are masked again by their own copy of this library.
 *
 *   avx2     no AVX-512 of any kind, no AVX-VNNI and its relatives, no AMX
 *   avxvnni  avx2 with AVX-VNNI but not its relatives, as in small cores such as an Intel N100
 *   avx512   AVX-512 with all its extensions, VNNI among them, no AMX
 *
 * Feature bits: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, CPUID; Intel Architecture
 * Instruction Set Extensions Programming Reference. XGETBV is not masked: software has to test CPUID first. The C
 * library's loader has chosen its string functions before the constructor runs; GLIBC_TUNABLES limits those.
 */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): asks the C library for registers by name */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { kArchSetCpuid = 0x1012 };
enum { kBadLimit = 98, kNoFaulting = 99 }; /* exit codes */

typedef struct registers {
  uint32_t a, b, c, d;
} registers;

/* Bits to clear in one (leaf, subleaf). */
typedef struct mask_row {
  uint32_t leaf, subleaf;
  registers bits;
} mask_row;

#define BIT(n) (UINT32_C(1) << (n))

static const mask_row kAmx[] = {
    {7, 0, {0, 0, 0, BIT(22) | BIT(24) | BIT(25)}}, /* AMX-BF16, AMX-TILE, AMX-INT8 */
    {7, 1, {BIT(21), 0, 0, BIT(8)}},                /* AMX-FP16, AMX-COMPLEX */
    {0xd, 0, {BIT(17) | BIT(18), 0, 0, 0}},         /* state components: tile configuration, tile data */
    {0x1d, 0, {~0u, ~0u, ~0u, ~0u}},                /* tile palettes */
    {0x1d, 1, {~0u, ~0u, ~0u, ~0u}},
    {0x1e, 0, {~0u, ~0u, ~0u, ~0u}}, /* tile multiplication */
    {0x1e, 1, {~0u, ~0u, ~0u, ~0u}},
    {0, 0, {0, 0, 0, 0}},
};

static const mask_row kAvx512[] = {
    {7,
     0,
     {0,
      /* F, DQ, IFMA, PF, ER, CD, BW, VL */
      BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31),
      /* VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ */
      BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14),
      /* 4VNNIW, 4FMAPS, VP2INTERSECT, FP16 */
      BIT(2) | BIT(3) | BIT(8) | BIT(23)}},
    {7, 1, {BIT(5), 0, 0, BIT(19)}},               /* BF16; AVX10 */
    {0xd, 0, {BIT(5) | BIT(6) | BIT(7), 0, 0, 0}}, /* state components: opmasks and the 512-bit registers */
    {0x24, 0, {~0u, ~0u, ~0u, ~0u}},               /* AVX10 */
    {0, 0, {0, 0, 0, 0}},
};

static const mask_row kAvxVnni[] = {
    {7, 1, {BIT(4), 0, 0, 0}},
    {0, 0, {0, 0, 0, 0}},
};

static const mask_row kAvxVnniRelatives[] = {
    /* AVX-IFMA; AVX-VNNI-INT8, AVX-NE-CONVERT, AVX-VNNI-INT16 */
    {7, 1, {BIT(23), 0, 0, BIT(4) | BIT(5) | BIT(10)}},
    {0, 0, {0, 0, 0, 0}},
};

typedef struct limit {
  const char* name;
  const mask_row* masks[5]; /* ends with a null pointer */
} limit;

static const limit kLimits[] = {
    {"avx2", {kAmx, kAvx512, kAvxVnniRelatives, kAvxVnni, NULL}},
    {"avxvnni", {kAmx, kAvx512, kAvxVnniRelatives, NULL}},
    {"avx512", {kAmx, NULL}},
};

static const limit* active;

static void clear_bits(uint32_t leaf, uint32_t subleaf, registers* r) {
  for (const mask_row* const* list = active->masks; *list != NULL; ++list) {
    for (const mask_row* row = *list; row->leaf != 0; ++row) {
      if (row->leaf != leaf || row->subleaf != subleaf) continue;
      r->a &= ~row->bits.a;
      r->b &= ~row->bits.b;
      r->c &= ~row->bits.c;
      r->d &= ~row->bits.d;
    }
  }
}

static long set_cpuid_allowed(unsigned long allowed) {
  return syscall(SYS_arch_prctl, kArchSetCpuid, allowed);
}

static void on_fault(int signal_number, siginfo_t* info, void* context) {
  greg_t* const g = ((ucontext_t*)context)->uc_mcontext.gregs;
  /* NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel gives addresses as integers */
  const unsigned char* const instruction = (const unsigned char*)g[REG_RIP];
  /* A jump to an unmapped address has no code to look at: the fault's own address tells. */
  const int readable = info->si_addr != (const void*)instruction;
  if (readable && instruction[0] == 0x0f && instruction[1] == 0xa2) {
    const uint32_t leaf = (uint32_t)g[REG_RAX], subleaf = (uint32_t)g[REG_RCX];
    registers r;
    set_cpuid_allowed(1);
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
    set_cpuid_allowed(0);
    clear_bits(leaf, subleaf, &r);
    g[REG_RAX] = r.a;
    g[REG_RBX] = r.b;
    g[REG_RCX] = r.c;
    g[REG_RDX] = r.d;
    g[REG_RIP] += 2;
    return;
  }
  signal(signal_number, SIG_DFL); /* a real fault: repeated without a handler */
}

static void fail(const char* message, int code) {
  if (write(STDERR_FILENO, message, strlen(message)) < 0) _exit(code);
  _exit(code);
}

__attribute__((constructor)) static void start(void) {
  const char* const name = getenv("LINNET_BENCH_ISA");
  if (name == NULL || strcmp(name, "native") == 0) return;
  for (size_t i = 0; i < sizeof kLimits / sizeof *kLimits; ++i) {
    if (strcmp(name, kLimits[i].name) == 0) active = &kLimits[i];
  }
  if (active == NULL) fail("cpuid_mask: LINNET_BENCH_ISA must be avx2, avxvnni, avx512 or native\n", kBadLimit);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, NULL);
  if (set_cpuid_allowed(0) != 0) fail("cpuid_mask: this kernel or processor has no CPUID faulting\n", kNoFaulting);
}

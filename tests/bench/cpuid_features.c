/* Prints the features that cpuid_mask.c may hide, as CPUID shows them to a second thread of this process, one name each
 * that is there. With an argument it reads address 8 instead, which must end it. */
#include <cpuid.h>
#include <pthread.h>
#include <stdio.h>

typedef struct feature {
  const char* name;
  int subleaf; /* of leaf 7 */
  int reg;     /* 0 to 3: EAX, EBX, ECX, EDX */
  int bit;
} feature;

static const feature kFeatures[] = {
    {"avx2", 0, 1, 5},        {"avx512f", 0, 1, 16},    {"avx512dq", 0, 1, 17},     {"avx512ifma", 0, 1, 21},
    {"avx512cd", 0, 1, 28},   {"avx512bw", 0, 1, 30},   {"avx512vl", 0, 1, 31},     {"avx512vbmi", 0, 2, 1},
    {"avx512vbmi2", 0, 2, 6}, {"avx512vnni", 0, 2, 11}, {"avx512bitalg", 0, 2, 12}, {"avx512fp16", 0, 3, 23},
    {"avx512bf16", 1, 0, 5},  {"avxvnni", 1, 0, 4},     {"amxtile", 0, 3, 24},      {"amxint8", 0, 3, 25},
    {"avxifma", 1, 0, 23},    {"avxvnniint8", 1, 3, 4}, {"avxneconvert", 1, 3, 5},  {"avxvnniint16", 1, 3, 10},
};

static void* print_features(void* unused) {
  unsigned regs[4];
  size_t i;
  for (i = 0; i < sizeof kFeatures / sizeof *kFeatures; ++i) {
    const feature* const f = &kFeatures[i];
    __cpuid_count(7, f->subleaf, regs[0], regs[1], regs[2], regs[3]);
    if (regs[f->reg] >> f->bit & 1) puts(f->name);
  }
  return unused;
}

int main(int argc, char** argv) {
  volatile int* volatile address = (volatile int*)8;
  pthread_t thread;
  (void)argv;
  if (argc > 1) return *address;
  if (pthread_create(&thread, NULL, print_features, NULL) != 0) return 1;
  return pthread_join(thread, NULL);
}

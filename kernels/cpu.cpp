#include "kernels/cpu.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) || (defined(__arm__) && defined(__linux__))
#include <sys/auxv.h>
#endif

namespace linnet::kernels {
namespace {

#if defined(__x86_64__) || defined(__i386__)

bool all(uint64_t value, uint64_t bits) {
  return (value & bits) == bits;
}

// Intel SDM volume 1, 13.3 and 14: the instructions exist and the operating system saves their registers.
bool supports(IsaId id) {
  constexpr uint32_t kFma = 1u << 12, kOsXsave = 1u << 27, kAvx = 1u << 28;           // leaf 1, ecx
  constexpr uint32_t kAvx2 = 1u << 5;                                                 // leaf 7, ebx
  constexpr uint32_t kAvx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;  // F, DQ, CD, BW, VL: leaf 7, ebx
  constexpr uint32_t kAvx512Vnni = 1u << 11;                                          // leaf 7, ecx
  constexpr uint32_t kAvxVnni = 1u << 4;                                              // leaf 7, subleaf 1, eax
  constexpr uint64_t kYmmState = 0x6, kZmmState = 0xe6;                               // XCR0
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !all(ecx, kFma | kOsXsave | kAvx)) return false;
  uint32_t low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  const uint64_t state = static_cast<uint64_t>(high) << 32 | low;
  if (!all(state, kYmmState) || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !all(ebx, kAvx2)) return false;
  if (id == IsaId::avx2) return true;
  if (id == IsaId::avxvnni) return eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && all(eax, kAvxVnni);
  const bool has_avx512 = all(state, kZmmState) && all(ebx, kAvx512);
  return has_avx512 && (id == IsaId::avx512 || (id == IsaId::avx512vnni && all(ecx, kAvx512Vnni)));
}

#elif defined(__aarch64__)

bool supports(IsaId id) {
  constexpr unsigned long kDotProducts = 1ul << 20;  // AT_HWCAP, ASIMDDP
  return id == IsaId::neon64 || (id == IsaId::neon64dot && (getauxval(AT_HWCAP) & kDotProducts) != 0);
}

#elif defined(__arm__) && defined(__linux__)

bool supports(IsaId id) {
  constexpr unsigned long kNeon = 1ul << 12, kVfpv4 = 1ul << 16;  // AT_HWCAP of 32-bit ARM Linux
  constexpr unsigned long kNeeded = kNeon | kVfpv4;
  return id == IsaId::neon32 && (getauxval(AT_HWCAP) & kNeeded) == kNeeded;
}

#else

bool supports(IsaId) {
  return false;
}

#endif

}  // namespace

bool cpu_supports(IsaId id) {
  return id == IsaId::scalar || supports(id);
}

}  // namespace linnet::kernels

// Init, run and every query, with an allocator that aborts.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "tests/api/networks.hpp"

namespace {

std::atomic<bool> trap_armed{false};

void check_trap() {
  if (trap_armed.load(std::memory_order_relaxed)) abort();
}

}  // namespace

// GCC's macro and Clang's feature.
#if defined(__SANITIZE_ADDRESS__)
#define LINNET_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LINNET_ADDRESS_SANITIZER
#endif
#endif

#ifdef LINNET_ADDRESS_SANITIZER
// Of the sanitizers' runtime; GCC does not install the header that declares it.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*, size_t),
                                                         void (*free_hook)(const volatile void*));

namespace {
const int kHooks = __sanitizer_install_malloc_and_free_hooks([](const volatile void*, size_t) { check_trap(); },
                                                             [](const volatile void*) { check_trap(); });
}
#else
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* block, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* block);

void* malloc(size_t size) {
  check_trap();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  check_trap();
  return __libc_calloc(count, size);
}
void* realloc(void* block, size_t size) {
  check_trap();
  return __libc_realloc(block, size);
}
void* memalign(size_t alignment, size_t size) {
  check_trap();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  return memalign(alignment, size);
}
int posix_memalign(void** block, size_t alignment, size_t size) {
  *block = memalign(alignment, size);
  return *block == nullptr ? 12 : 0;
}
void free(void* block) {
  if (block != nullptr) check_trap();
  __libc_free(block);
}
}
#endif

namespace linnet::test {
namespace {

// Everything a caller does with a model, between arming and disarming.
void use(const Bytes& model, const Bytes& arena) {
  trap_armed = true;
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  linnet_session* session = nullptr;
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  bool good = linnet_get_model_info(nullptr, model.data(), model.size(), &info) == LINNET_OK &&
              linnet_init(nullptr, model.data(), model.size(), arena.data(), arena.size(), &session) == LINNET_OK &&
              linnet_input(session, 0, &view) == LINNET_OK && linnet_run(session) == LINNET_OK &&
              linnet_output(session, 0, &view) == LINNET_OK && linnet_step_operator(session, 0) != nullptr;
  trap_armed = false;
  EXPECT_TRUE(good);
}

TEST(Allocation, NothingAllocates) {
  const Bytes network = small_network();
  use(network, Bytes(model_info(network).arena_bytes));
  for (const OperatorModel& op : operator_models()) {
    const Bytes model = operator_model(op, 0);
    use(model, Bytes(model_info(model).arena_bytes));
  }
}

// Not only does the engine pass: the trap works.
TEST(AllocationDeathTest, TheTrapTraps) {
  EXPECT_DEATH(
      {
        trap_armed = true;
        void* volatile block = malloc(16);
        free(block);
      },
      "");
}

}  // namespace
}  // namespace linnet::test

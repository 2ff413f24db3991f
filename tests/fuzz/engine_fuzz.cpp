// The engine on the bytes of a model file: whatever they are, either an error that names itself, or sessions that run
// within exactly the arena they ask for, on every instruction set, alone and on several threads, with equal results.
// The model's bytes lie in a block of their exact size, and while a step runs, all tensors of the arena but its own are
// poisoned. Models with states run twice.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "engine/linnet.h"
#include "kernels/dispatch.hpp"
#include "tests/api/model_builder.hpp"
#include "tests/fuzz/order.hpp"
#include "tests/fuzz/ownership.hpp"
#include "tests/fuzz/work.hpp"

namespace linnet::fuzz {
namespace {

using test::Bytes;

constexpr size_t kLargestArena = size_t{1} << 20;
constexpr int64_t kMostWork = int64_t{1} << 22;
constexpr int kThreads = 3;

#define REQUIRE(condition)                                                               \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

// One after the other, the last first: what one task reads of another's results shows as a difference.
void run_backwards(void*, linnet_task task, void* argument, int count) {
  while (count-- > 0) task(argument, count);
}

// Reproducible values, among them some that arithmetic treats in ways of its own.
void fill(const linnet_tensor_view& view, std::mt19937* engine) {
  constexpr float kSpecial[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 3e38f, -1e-41f, 1e10f};
  auto* bytes = static_cast<uint8_t*>(view.data);
  if (view.type != LINNET_FLOAT32) {
    for (size_t i = 0; i < view.bytes; ++i) bytes[i] = static_cast<uint8_t>((*engine)());
    return;
  }
  const bool special = (*engine)() % 4 == 0;
  for (size_t i = 0; i < view.bytes; i += sizeof(float)) {
    const uint32_t random = (*engine)();
    const float value =
        special && random % 16 == 0 ? kSpecial[random / 16 % 8] : static_cast<float>(random) * 0x1p-30f - 2;
    memcpy(bytes + i, &value, sizeof(value));
  }
}

// The outputs' bytes; every NaN is the same one, since which of two operands' bits a sum keeps is the compiler's
// choice.
std::vector<uint8_t> outputs_of(const linnet_session* session, int outputs) {
  std::vector<uint8_t> result;
  linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
  for (int i = 0; i < outputs; ++i) {
    REQUIRE(linnet_output(session, i, &view) == LINNET_OK);
    const auto* data = static_cast<const uint8_t*>(view.data);
    result.insert(result.end(), data, data + view.bytes);
    if (view.type != LINNET_FLOAT32) continue;
    for (size_t at = result.size() - view.bytes; at < result.size(); at += sizeof(float)) {
      float value = 0;
      memcpy(&value, &result[at], sizeof(value));
      if (std::isnan(value)) memset(&result[at], 0xff, sizeof(value));
    }
  }
  return result;
}

// The outputs, or nothing where a run would take too long or its result depends on the order of work.
std::vector<uint8_t> run(const Bytes& model, linnet_options options, const linnet_model_info& info) {
  linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
  options.error = &detail;
  Ownership ownership;
  options.profile_context = &ownership;
  const Bytes arena(info.arena_bytes);
  linnet_session* session = nullptr;
  REQUIRE(linnet_init(&options, model.data(), model.size(), arena.data(), arena.size() - 1, &session) ==
          LINNET_ERROR_ARENA_SIZE);
  REQUIRE(session == nullptr && detail.wanted == arena.size() && detail.got == arena.size() - 1);
  REQUIRE(linnet_init(&options, model.data(), model.size(), arena.data(), arena.size(), &session) == LINNET_OK);
  if (work(*session) > kMostWork) return {};
  memset(arena.data() + info.session_bytes, 0x5a, arena.size() - info.session_bytes);
  REQUIRE(linnet_reset(session) == LINNET_OK);
  ownership.watch(*session);
  std::mt19937 engine(static_cast<uint32_t>(model.size()));
  std::vector<uint8_t> outputs;
  for (int runs = info.state_bytes == 0 ? 1 : 2; runs > 0; --runs) {
    linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
    for (int i = 0; i < info.inputs; ++i) {
      REQUIRE(linnet_input(session, i, &view) == LINNET_OK);
      fill(view, &engine);
    }
    REQUIRE(linnet_run(session) == LINNET_OK);
    const std::vector<uint8_t> more = outputs_of(session, info.outputs);
    outputs.insert(outputs.end(), more.begin(), more.end());
  }
  return order_is_free(session->model) ? outputs : std::vector<uint8_t>();
}

void attempt(const Bytes& model, const char* isa) {
  linnet_options options = LINNET_OPTIONS_INIT;
  linnet_error_detail detail = LINNET_ERROR_DETAIL_INIT;
  linnet_model_info info = LINNET_MODEL_INFO_INIT;
  options.isa = isa;
  options.error = &detail;
  const linnet_status status = linnet_get_model_info(&options, model.data(), model.size(), &info);
  if (status != LINNET_OK) {
    REQUIRE(detail.status == status && detail.check > 0);
    return;
  }
  if (info.arena_bytes > kLargestArena) return;
  options.profile_hook = Ownership::hook;
  const std::vector<uint8_t> alone = run(model, options, info);
  options.profile_hook = nullptr;
  options.threads = kThreads;
  options.parallel_for = run_backwards;
  REQUIRE(linnet_get_model_info(&options, model.data(), model.size(), &info) == LINNET_OK);
  if (info.arena_bytes > kThreads * kLargestArena) return;
  REQUIRE(run(model, options, info) == alone);
}

}  // namespace
}  // namespace linnet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const linnet::test::Bytes model(data, size);
  for (const auto& isa : linnet::kernels::kIsaTraits) linnet::fuzz::attempt(model, isa.name);
  return 0;
}

#include "converter/report/memory.hpp"

#include <fmt/format.h>

#include "converter/ir/error.hpp"
#include "engine/memory.hpp"
#include "kernels/isa.hpp"

namespace linnet::report {

namespace {

struct TargetKind {
  const char* name;
  kernels::IsaId isa;
  int32_t pointer_bytes;
};

constexpr TargetKind kTargets[] = {
    {"cortex-m", kernels::IsaId::scalar, 4},   {"armv7", kernels::IsaId::neon32, 4},
    {"aarch64", kernels::IsaId::neon64, 8},    {"aarch64 dotprod", kernels::IsaId::neon64dot, 8},
    {"x86 avx2", kernels::IsaId::avx2, 8},     {"x86 avxvnni", kernels::IsaId::avxvnni, 8},
    {"x86 avx512", kernels::IsaId::avx512, 8}, {"x86 avx512vnni", kernels::IsaId::avx512vnni, 8},
};

}  // namespace

std::vector<TargetMemory> target_memory(std::span<const uint8_t> model) {
  engine::ModelView view;
  engine::Error error{};
  if (!engine::open_model(model.data(), model.size(), &view, &error))
    throw ir::Error(
        fmt::format("the engine refuses the converted model. This is a fault of linnet's converter, not of the model: "
                    "please report it, with the model and this: {} (step {}, tensor {}, check {}, wanted {}, got {})",
                    linnet_status_text(error.status), error.step, error.tensor, error.line, error.wanted, error.got));
  std::vector<TargetMemory> result;
  for (const TargetKind& target : kTargets) {
    const engine::ArenaLayout layout =
        engine::arena_layout(view, engine::Target{kernels::traits(target.isa), target.pointer_bytes}, 1);
    result.push_back(
        {target.name, layout.arena_bytes, engine::kSessionBytes, layout.tensor_bytes, layout.scratch_bytes});
  }
  return result;
}

}  // namespace linnet::report

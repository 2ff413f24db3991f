#include "converter/ops/cast.hpp"
#include "converter/passes/passes.hpp"
#include "converter/passes/rewrite.hpp"

namespace linnet::passes {

void unify_floats(Graph& graph, PassLog& log) {
  bool changed = false;
  for (const auto& value : graph.values()) {
    if (value->producer != nullptr || !is_floating(*value) || value->type.dtype == DType::f32) continue;
    log.add("{} becomes f32, was {}", value->name, ir::name(value->type.dtype));
    value->type.dtype = DType::f32;
    if (value->constant) {
      const Array& array = *value->constant;
      value->constant = Array::of_doubles(array.shape(), array.doubles());
    }
    changed = true;
  }
  for (const auto& node : graph.nodes()) {
    auto* cast = node->as<ops::Cast>();
    if (cast == nullptr || !ir::is_floating(cast->to) || cast->to == DType::f32) continue;
    cast->to = DType::f32;
    changed = true;
  }
  if (!changed) return;
  for (const auto& node : graph.nodes()) graph.infer(node.get());
}

}  // namespace linnet::passes

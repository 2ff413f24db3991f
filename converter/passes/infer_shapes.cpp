#include "converter/passes/passes.hpp"

namespace linnet::passes {

void infer_shapes(ir::Graph& graph, PassLog& log) {
  for (const auto& node : graph.nodes()) {
    std::vector<ir::TensorType> before;
    for (const ir::Value* output : node->outputs) before.push_back(output->type);
    graph.infer(node.get());
    for (size_t i = 0; i < before.size(); ++i)
      if (before[i] != node->out(i).type)
        log.add("{} is {}, was {}", node->out(i).name, ir::to_string(node->out(i).type), ir::to_string(before[i]));
  }
}

}  // namespace linnet::passes

// Graphs through all passes, the planner and the engine, against the reference evaluator.
#pragma once

#include <cmath>
#include <cstring>
#include <new>

#include "converter/passes/rewrite.hpp"
#include "converter/pipeline.hpp"
#include "engine/linnet.h"
#include "tests/passes/support.hpp"

namespace linnet::test {

struct AlignedFree {
  void operator()(uint8_t* bytes) const { ::operator delete (bytes, std::align_val_t{LINNET_ALIGNMENT}); }
};
using Aligned = std::unique_ptr<uint8_t, AlignedFree>;

inline Aligned aligned_bytes(size_t size) {
  return Aligned(static_cast<uint8_t*>(::operator new (size, std::align_val_t{LINNET_ALIGNMENT})));
}

class Engine {
 public:
  explicit Engine(const emit::ModelBytes& model) : model_(aligned_bytes(model.size())), size_(model.size()) {
    std::memcpy(model_.get(), model.data(), model.size());
    linnet_options options = LINNET_OPTIONS_INIT;
    linnet_error_detail detail = {};
    detail.struct_size = sizeof(detail);
    options.error = &detail;
    linnet_model_info info = LINNET_MODEL_INFO_INIT;
    EXPECT_EQ(linnet_get_model_info(&options, model_.get(), size_, &info), LINNET_OK)
        << "step " << detail.step << " tensor " << detail.tensor << " check " << detail.check << " wanted "
        << detail.wanted << " got " << detail.got;
    arena_ = aligned_bytes(info.arena_bytes);
    EXPECT_EQ(linnet_init(&options, model_.get(), size_, arena_.get(), info.arena_bytes, &session_), LINNET_OK);
  }

  void set_input(int index, const Array& array) {
    const linnet_tensor_view view = get(linnet_input, index);
    ASSERT_EQ(view.bytes, array.size() * sizeof(float));
    const std::vector<float> values = array.floats();
    std::memcpy(view.data, values.data(), view.bytes);
  }
  void run() { EXPECT_EQ(linnet_run(session_), LINNET_OK); }
  std::vector<double> output(int index) {
    const linnet_tensor_view view = get(linnet_output, index);
    std::vector<double> values;
    for (size_t i = 0; i < view.bytes / 4; ++i)
      values.push_back(view.type == LINNET_INT32 ? static_cast<const int32_t*>(view.data)[i]
                                                 : static_cast<const float*>(view.data)[i]);
    return values;
  }

 private:
  Aligned model_, arena_;
  size_t size_;
  linnet_session* session_ = nullptr;

  template <class Function>
  linnet_tensor_view get(Function function, int index) {
    linnet_tensor_view view = {};
    view.struct_size = sizeof(view);
    EXPECT_EQ(function(session_, index, &view), LINNET_OK);
    return view;
  }
};

inline Array input_for(const Value& input, int seed) {
  std::minstd_rand random(seed);
  std::vector<double> values(static_cast<size_t>(element_count(input.shape())));
  for (double& value : values) value = static_cast<float>(2.0 * random() / std::minstd_rand::max() - 1.0);
  return Array::of_doubles(input.shape(), std::move(values));
}

// Converts with and without kept layout and with checks of every pass, runs and compares.
inline void expect_same(const Graph& graph, ConvertOptions options = {}) {
  for (const bool keep_layout : {false, true}) {
    SCOPED_TRACE(keep_layout ? "kept layout" : "new layout");
    options.keep_layout = keep_layout;
    options.check_passes = true;
    Conversion conversion = convert(graph.clone(), options);
    Engine engine(conversion.model);
    std::vector<Array> inputs;
    for (size_t i = 0; i < graph.inputs.size(); ++i) {
      inputs.push_back(input_for(*graph.inputs[i], static_cast<int>(i) + 1));
      const Permutation& permutation = conversion.graph->inputs[i]->source_permutation;
      engine.set_input(static_cast<int>(i),
                       permutation.empty() ? inputs[i] : passes::transposed(inputs[i], permutation));
    }
    const std::vector<Array> wanted = evaluate(graph, inputs);
    engine.run();
    for (size_t o = 0; o < wanted.size(); ++o) {
      const Permutation& permutation = conversion.graph->outputs[o]->source_permutation;
      const Array reference = permutation.empty() ? wanted[o] : passes::transposed(wanted[o], permutation);
      const std::vector<double> got = engine.output(static_cast<int>(o));
      ASSERT_EQ(got.size(), reference.size());
      double largest = 1e-3;
      for (size_t i = 0; i < got.size(); ++i) largest = std::max(largest, std::fabs(reference.number(i)));
      for (size_t i = 0; i < got.size(); ++i)
        ASSERT_NEAR(got[i], reference.number(i), 2e-6 * largest) << "output " << o << " element " << i << "\n"
                                                                 << dump(*conversion.graph);
    }
  }
}

}  // namespace linnet::test

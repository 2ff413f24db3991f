#include "converter/quantize/engine_run.hpp"

#include <algorithm>
#include <cmath>

#include "converter/emit/emit.hpp"
#include "converter/ir/states.hpp"
#include "converter/passes/rewrite.hpp"
#include "converter/plan/plan.hpp"
#include "engine/linnet.hpp"

namespace linnet::quantize {

namespace {

// Real numbers as the elements of a tensor.
void store(const ir::Array& array, const linnet_tensor_view& view) {
  const auto quantized = [&](double number) {
    if (view.scale == 0) return number;
    const double steps = std::nearbyint(number / static_cast<double>(view.scale)) + view.zero_point;
    return view.type == LINNET_INT8 ? std::clamp(steps, -128.0, 127.0) : std::clamp(steps, 0.0, 255.0);
  };
  for (size_t i = 0; i < array.size(); ++i) {
    const double element = quantized(array.number(i));
    switch (view.type) {
      case LINNET_FLOAT32:
        static_cast<float*>(view.data)[i] = static_cast<float>(element);
        break;
      case LINNET_INT32:
        static_cast<int32_t*>(view.data)[i] = static_cast<int32_t>(element);
        break;
      case LINNET_INT16:
        static_cast<int16_t*>(view.data)[i] = static_cast<int16_t>(element);
        break;
      case LINNET_INT8:
        static_cast<int8_t*>(view.data)[i] = static_cast<int8_t>(element);
        break;
      default:
        static_cast<uint8_t*>(view.data)[i] = static_cast<uint8_t>(element);
    }
  }
}

float number(const linnet_tensor_view& view, size_t index) {
  const auto real = [&](int64_t integer) {
    return view.scale == 0 ? static_cast<float>(integer) : view.scale * static_cast<float>(integer - view.zero_point);
  };
  switch (view.type) {
    case LINNET_FLOAT32:
      return static_cast<const float*>(view.data)[index];
    case LINNET_INT8:
      return real(static_cast<const int8_t*>(view.data)[index]);
    case LINNET_INT32:
      return real(static_cast<const int32_t*>(view.data)[index]);
    case LINNET_INT16:
      return real(static_cast<const int16_t*>(view.data)[index]);
    default:
      return real(static_cast<const uint8_t*>(view.data)[index]);
  }
}

}  // namespace

class EngineRun::Engine {
 public:
  Engine(std::unique_ptr<ir::Graph> graph, SeeTensor see) : graph_(std::move(graph)), see_(std::move(see)) {
    plan::separate_outputs(*graph_);
    const plan::Plan plan = plan::plan_memory(*graph_, plan::CascadeMode::off);
    model_ = emit::emit_model(*graph_, plan, {}).model;
    inputs_ = ir::program_inputs(*graph_);
    linnet_options options = LINNET_OPTIONS_INIT;
    if (see_) options.tap_hook = tap;
    options.tap_context = this;
    session_ = Session(model_.data(), model_.size(), options);
  }

  void run(const Sample& sample) {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const ir::Permutation& permutation = inputs_[i]->source_permutation;
      linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
      session_.input_view(static_cast<int>(i), &view);
      store(permutation.empty() ? sample[i] : passes::transposed(sample[i], permutation), view);
      if (see_) show(view);
    }
    session_.run();
  }

  std::vector<float> output(int index) {
    linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
    session_.output_view(index, &view);
    read(view);
    return numbers_;
  }

 private:
  std::unique_ptr<ir::Graph> graph_;
  SeeTensor see_;
  std::vector<ir::Value*> inputs_;
  emit::ModelBytes model_;
  Session session_;
  std::vector<float> numbers_;

  static void tap(void* context, int, int, const linnet_tensor_view* view) {
    static_cast<Engine*>(context)->show(*view);
  }

  void show(const linnet_tensor_view& view) {
    if (view.name == nullptr) return;
    see_({view.name, numbers_, read(view)});
  }

  // Into numbers_; returns how many the last dimension has.
  size_t read(const linnet_tensor_view& view) {
    size_t rows = 1;
    for (int d = 0; d + 1 < view.dimensions; ++d) rows *= static_cast<size_t>(view.shape[d]);
    const size_t columns = view.dimensions > 0 ? static_cast<size_t>(view.shape[view.dimensions - 1]) : 1;
    numbers_.resize(rows * columns);
    for (size_t row = 0; row < rows; ++row)
      for (size_t column = 0; column < columns; ++column)
        numbers_[row * columns + column] = number(view, row * view.row_stride + column);
    return columns;
  }
};

EngineRun::EngineRun(std::unique_ptr<ir::Graph> graph, SeeTensor see)
    : engine_(std::make_unique<Engine>(std::move(graph), std::move(see))) {}

EngineRun::~EngineRun() = default;

void EngineRun::run(const Sample& sample) {
  engine_->run(sample);
}

std::vector<float> EngineRun::output(int index) const {
  return engine_->output(index);
}

}  // namespace linnet::quantize

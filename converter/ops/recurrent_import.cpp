#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "converter/import/onnx_context.hpp"
#include "converter/ops/concat.hpp"
#include "converter/ops/functions.hpp"
#include "converter/ops/import_helpers.hpp"
#include "converter/ops/pad.hpp"
#include "converter/ops/recurrent.hpp"
#include "converter/ops/slice.hpp"
#include "kernels/recurrent/plan.hpp"

namespace linnet::ops {

using import::OnnxContext;

namespace {

// An activation of the specification that the device has, with the defaults of its parameters.
struct FunctionRow {
  std::string_view name;
  Function function;
  bool has_alpha = false, has_beta = false;
  double alpha = 0.0, beta = 0.0;
};
constexpr FunctionRow kFunctions[] = {
    {"Relu", Function::Relu},
    {"Tanh", Function::Tanh},
    {"Sigmoid", Function::Sigmoid},
    {"LeakyRelu", Function::LeakyRelu, true, false, 0.01},
    {"HardSigmoid", Function::HardSigmoid, true, true, 0.2, 0.5},
    {"Elu", Function::Elu, true, false, 1.0},
    {"Softsign", Function::Softsign},
    {"Softplus", Function::Softplus},
};

// Consecutive batch entries whose sequences have one length.
struct Run {
  int64_t begin, size, steps;
};

// Outputs of one direction; null where they are not used.
struct Outputs {
  Value *y = nullptr, *h = nullptr, *c = nullptr;
};

Value* slice(OnnxContext& context, Value* value, int64_t axis, int64_t begin, int64_t size) {
  Slice op;
  op.shape = value->shape();
  if (op.shape[axis] == size) return value;
  op.starts.assign(op.shape.size(), 0);
  op.steps.assign(op.shape.size(), 1);
  op.starts[axis] = begin;
  op.shape[axis] = size;
  return context.add(std::make_unique<Slice>(op), {value});
}

Value* concat(OnnxContext& context, const std::vector<Value*>& parts, int64_t axis) {
  if (parts.size() == 1) return parts.front();
  auto op = std::make_unique<Concat>();
  op->axis = axis;
  return context.add(std::move(op), parts);
}

// Zeros up to `size` behind the elements along `axis`.
Value* pad(OnnxContext& context, Value* value, int64_t axis, int64_t size) {
  if (value->shape()[axis] == size) return value;
  auto op = std::make_unique<Pad>();
  op->pads_begin.assign(value->shape().size(), 0);
  op->pads_end = op->pads_begin;
  op->pads_end[axis] = size - value->shape()[axis];
  return context.add(std::move(op), {value});
}

// Weights of ONNX Runtime's DynamicQuantizeLSTM: constants [directions, inputs, rows], with scales and zero points of a
// direction or of each of its rows.
class QuantizedMatrix {
 public:
  QuantizedMatrix(OnnxContext& context, size_t index, size_t scale_index)
      : context_(context), index_(index), integers_(context.constant(index, "weights")) {
    if (integers_.dtype() != DType::i8 && integers_.dtype() != DType::u8)
      fail(index, fmt::format("is {}; supported are i8 and u8", to_string(integers_.type())));
    scales_ = parameters(scale_index, "scales").doubles();
    const Array zeros = context.optional_input(scale_index + 1) != nullptr
                            ? parameters(scale_index + 1, "zero points")
                            : Array::of_integers({integers_.shape()[0]}, std::vector<int64_t>(directions(), 0));
    for (const double scale : scales_)
      if (!(scale > 0) || !std::isfinite(scale))
        fail(scale_index, fmt::format("holds {}; supported are positive finite numbers", scale));
    if (context.optional_input(scale_index + 1) != nullptr && zeros.dtype() != integers_.dtype())
      fail(scale_index + 1, fmt::format("is {}; supported are zero points of the weights' type, {}",
                                        to_string(zeros.type()), ir::name(integers_.dtype())));
    for (size_t i = 0; i < zeros.size(); ++i) zeros_.push_back(zeros.integer(i));
  }

  bool fits_int8() const {
    for (size_t i = 0; i < integers_.size(); ++i)
      if (const int64_t steps = centred(i); steps < -128 || steps > 127) return false;
    return true;
  }

  // [rows, inputs] of direction `d`: int8, or real numbers.
  Value* of_direction(int64_t d, bool real) const {
    const int64_t inputs = integers_.shape()[1], rows = integers_.shape()[2];
    std::vector<int64_t> steps;
    std::vector<double> numbers;
    Quantization quantization{{}, std::vector<int64_t>(static_cast<size_t>(rows), 0), 0};
    for (int64_t row = 0; row < rows; ++row) {
      const double scale = scales_[parameter(scales_.size(), d, row)];
      quantization.scales.push_back(static_cast<float>(scale));
      for (int64_t k = 0; k < inputs; ++k) {
        steps.push_back(centred(static_cast<size_t>((d * inputs + k) * rows + row)));
        numbers.push_back(static_cast<double>(steps.back()) * scale);
      }
    }
    const Shape shape = {rows, inputs};
    return context_.add_constant(
        real ? Array::of_doubles(shape, std::move(numbers), DType::f32)
             : Array::of_integers(shape, std::move(steps), DType::i8).with_quantization(std::move(quantization)),
        "weights");
  }

 private:
  OnnxContext& context_;
  size_t index_;
  Array integers_;
  std::vector<double> scales_;
  std::vector<int64_t> zeros_;

  size_t directions() const { return static_cast<size_t>(integers_.shape()[0]); }

  [[noreturn]] void fail(size_t index, const std::string& message) const {
    context_.fail(fmt::format("input {} ({}) {}", index, index_ == 1 ? "of W" : "of R", message));
  }

  const Array& parameters(size_t index, std::string_view what) const {
    const Array& array = context_.constant(index, what);
    const Shape of_directions = {integers_.shape()[0]}, of_rows = {integers_.shape()[0], integers_.shape()[2]};
    if (array.shape() != of_directions && array.shape() != of_rows)
      fail(index, fmt::format("has shape {}; supported are {} and {}", to_string(array.shape()),
                              to_string(of_directions), to_string(of_rows)));
    return array;
  }

  // Position of a scale or zero point among `count`.
  size_t parameter(size_t count, int64_t d, int64_t row) const {
    return static_cast<size_t>(count == directions() ? d : d * integers_.shape()[2] + row);
  }

  int64_t centred(size_t i) const {
    const int64_t rows = integers_.shape()[2], d = static_cast<int64_t>(i) / (rows * integers_.shape()[1]);
    return integers_.integer(i) - zeros_[parameter(zeros_.size(), d, static_cast<int64_t>(i) % rows)];
  }
};

class RecurrentImporter {
 public:
  explicit RecurrentImporter(OnnxContext& context) : context_(context) {
    const std::string& type = context.op_type();
    quantized_ = type == "DynamicQuantizeLSTM";
    layer_.kind = quantized_ || type == "LSTM" ? RecurrentKind::Lstm
                  : type == "GRU"              ? RecurrentKind::Gru
                                               : RecurrentKind::Rnn;
    gates_ = kernels::gate_count(layer_.kind, false);
    read_attributes();
    read_shapes();
    read_lengths();
    if (quantized_) read_integers();
  }

  std::vector<Value*> run() {
    layer_.sequence = context_.output_used(0);
    layer_.last = context_.output_used(1) || !layer_.sequence;
    std::vector<Outputs> directions;
    for (int64_t d = 0; d < directions_; ++d) directions.push_back(direction(d));
    std::vector<Value*> results = {joined_sequences(directions), joined_states(directions, &Outputs::h)};
    if (layer_.kind == RecurrentKind::Lstm) results.push_back(joined_states(directions, &Outputs::c));
    return results;
  }

 private:
  OnnxContext& context_;
  Recurrent layer_;
  int64_t gates_, directions_ = 1, steps_ = 0, batch_ = 0, hidden_ = 0;
  bool batch_first_ = false;
  bool first_reversed_ = false;
  bool quantized_ = false;
  std::vector<QuantizedMatrix> integers_;  // W and R
  std::vector<Activation> functions_;      // of all directions
  std::vector<Run> runs_;

  // ---- attributes

  void read_attributes() {
    const std::string direction = context_.text("direction", "forward");
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
      context_.fail(fmt::format("direction is '{}', supported are forward, reverse and bidirectional", direction));
    directions_ = direction == "bidirectional" ? 2 : 1;
    first_reversed_ = direction == "reverse";
    if (context_.opset() >= 14) {
      const int64_t layout = context_.integer("layout", 0);
      if (layout != 0 && layout != 1) context_.fail(fmt::format("layout is {}, supported are 0 and 1", layout));
      batch_first_ = layer_.x_batch_first = layer_.y_batch_first = layout == 1;
    }
    if (context_.has("clip")) {
      layer_.clip = context_.number("clip", 0.0);
      if (!(layer_.clip > 0) || !std::isfinite(layer_.clip))
        context_.fail(fmt::format("clip is {}, supported are positive finite numbers", layer_.clip));
    }
    if (layer_.kind == RecurrentKind::Gru) layer_.linear_before_reset = context_.integer("linear_before_reset", 0) != 0;
    if (layer_.kind == RecurrentKind::Lstm) layer_.input_forget = context_.integer("input_forget", 0) != 0;
    read_functions();
  }

  std::vector<std::string> default_functions() const {
    if (layer_.kind == RecurrentKind::Rnn) return {"Tanh"};
    if (layer_.kind == RecurrentKind::Gru) return {"Sigmoid", "Tanh"};
    return {"Sigmoid", "Tanh", "Tanh"};
  }

  // Alphas and betas are those of the functions that have them, in their order.
  void read_functions() {
    const std::vector<std::string> usual = default_functions();
    const size_t count = usual.size() * static_cast<size_t>(directions_);
    std::vector<std::string> fallback;
    for (int64_t d = 0; d < directions_; ++d) fallback.insert(fallback.end(), usual.begin(), usual.end());
    const std::vector<std::string> names = context_.texts("activations", fallback);
    const std::vector<double> alphas = context_.numbers("activation_alpha"),
                              betas = context_.numbers("activation_beta");
    if (names.size() != count) context_.fail(fmt::format("{} activations, expected {}", names.size(), count));
    auto alpha = alphas.begin();
    auto beta = betas.begin();
    for (const std::string& name : names) {
      const FunctionRow& row = function_row(name);
      const auto next = [](bool has, auto& position, auto end, double usual_value) {
        return static_cast<float>(has && position != end ? *position++ : usual_value);
      };
      functions_.push_back({row.function, next(row.has_alpha, alpha, alphas.end(), row.alpha),
                            next(row.has_beta, beta, betas.end(), row.beta)});
    }
  }

  const FunctionRow& function_row(const std::string& name) const {
    for (const FunctionRow& row : kFunctions)
      if (row.name == name) return row;
    std::string names;
    for (const FunctionRow& row : kFunctions) names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
    context_.fail(fmt::format("activation {} is not supported; supported are {}", name, names));
  }

  // ---- inputs

  void read_shapes() {
    const Shape &x = context_.input(0)->shape(), &recurrent = context_.input(2)->shape();
    if (x.size() != 3) context_.fail(fmt::format("X has shape {}, supported are three dimensions", to_string(x)));
    if (recurrent.size() != 3)
      context_.fail(fmt::format("R has shape {}, supported are three dimensions", to_string(recurrent)));
    steps_ = x[batch_first_ ? 1 : 0];
    batch_ = x[batch_first_ ? 0 : 1];
    hidden_ = recurrent[quantized_ ? 1 : 2];
    const int64_t given = context_.integer("hidden_size", hidden_);
    if (given != hidden_) context_.fail(fmt::format("hidden_size is {}, R is of {} hidden units", given, hidden_));
    const int64_t rows = gates_ * hidden_;
    const Shape state = batch_first_ ? Shape{batch_, directions_, hidden_} : Shape{directions_, batch_, hidden_};
    require(1, quantized_ ? Shape{directions_, x[2], rows} : Shape{directions_, rows, x[2]}, "W", true);
    require(2, quantized_ ? Shape{directions_, hidden_, rows} : Shape{directions_, rows, hidden_}, "R", true);
    require(3, {directions_, 2 * rows}, "B", true);
    require(5, state, "initial_h", false);
    if (layer_.kind != RecurrentKind::Lstm) return;
    require(6, state, "initial_c", false);
    require(7, {directions_, 3 * hidden_}, "P", true);
  }

  void require(size_t index, const Shape& shape, std::string_view what, bool constant) {
    const Value* value = index < 3 ? context_.input(index) : context_.optional_input(index);
    if (value == nullptr) return;
    if (value->shape() != shape)
      context_.fail(fmt::format("{} has shape {}, expected {}", what, to_string(value->shape()), to_string(shape)));
    if (constant) require_static(context_, value, what);
  }

  void read_integers() {
    constexpr size_t kScales = 8;
    for (const size_t index : {0, 1}) integers_.emplace_back(context_, 1 + index, kScales + 2 * index);
    layer_.dynamic = integers_[0].fits_int8() && integers_[1].fits_int8();
    if (!layer_.dynamic)
      context_.warn(
          "weights less their zero points have more than 8 bits: they become real numbers, and so are the products");
  }

  void read_lengths() {
    runs_ = {{0, batch_, steps_}};
    Value* given = context_.optional_input(4);
    if (given == nullptr) return;
    require_static(context_, given, "sequence_lens");
    const Array& lengths = context_.constant(4, "sequence_lens");
    if (lengths.shape() != Shape{batch_})
      context_.fail(fmt::format("sequence_lens has shape {}, expected {}", to_string(lengths.shape()), batch_));
    runs_.clear();
    for (int64_t b = 0; b < batch_; ++b) {
      const int64_t length = lengths.integer(static_cast<size_t>(b));
      if (length < 1 || length > steps_)
        context_.fail(fmt::format("sequence_lens has a length of {}, supported are 1 to {}", length, steps_));
      if (runs_.empty() || runs_.back().steps != length)
        runs_.push_back({b, 1, length});
      else
        ++runs_.back().size;
    }
  }

  // ---- the graph

  // W (1) or R (2) of direction `d`.
  Value* weights(size_t index, int64_t d) {
    return quantized_ ? integers_[index - 1].of_direction(d, !layer_.dynamic) : of_direction(index, d);
  }

  // The part of a parameter that belongs to direction `d`, without that dimension; null where there is none.
  Value* of_direction(size_t index, int64_t d) {
    Value* value = context_.optional_input(index);
    if (value == nullptr) return nullptr;
    return reshape(context_, slice(context_, value, 0, d, 1), {value->shape().begin() + 1, value->shape().end()});
  }

  // An initial state; null where it is zero.
  Value* initial(size_t index, int64_t d) {
    if (context_.optional_input(index) == nullptr) return nullptr;
    if (const auto known = static_input(context_, index, "initial state")) {
      const std::vector<double> numbers = known->doubles();
      if (std::all_of(numbers.begin(), numbers.end(), [](double number) { return number == 0.0; })) return nullptr;
    }
    if (!batch_first_) return of_direction(index, d);
    Value* rows = reshape(context_, context_.input(index), {batch_, directions_ * hidden_});
    return slice(context_, rows, 1, d * hidden_, hidden_);
  }

  Outputs direction(int64_t d) {
    const bool is_lstm = layer_.kind == RecurrentKind::Lstm;
    layer_.reverse = first_reversed_ || d == 1;
    const size_t functions = functions_.size() / static_cast<size_t>(directions_), first = functions * d;
    layer_.gate = functions_[first];
    if (functions > 1) layer_.cell = functions_[first + 1];
    if (functions > 2) layer_.output = functions_[first + 2];
    std::vector<Value*> inputs = {context_.input(0),
                                  weights(1, d),
                                  weights(2, d),
                                  of_direction(3, d),
                                  initial(5, d),
                                  is_lstm ? initial(6, d) : nullptr,
                                  is_lstm ? of_direction(7, d) : nullptr};
    std::vector<Value*> ys, hs, cs;
    for (const Run& run : runs_) {
      const std::vector<Value*> outputs = add_layer(inputs, run);
      if (layer_.sequence) ys.push_back(pad(context_, outputs[0], batch_first_ ? 1 : 0, steps_));
      if (layer_.last) hs.push_back(outputs[layer_.last_output()]);
      if (is_lstm) cs.push_back(outputs[layer_.cell_output()]);
    }
    Outputs result;
    if (layer_.sequence) result.y = concat(context_, ys, batch_first_ ? 0 : 1);
    if (layer_.last) result.h = concat(context_, hs, 0);
    if (is_lstm) result.c = concat(context_, cs, 0);
    return result;
  }

  // The layer on some batch entries, for as many time steps as they have.
  std::vector<Value*> add_layer(std::vector<Value*> inputs, const Run& run) {
    Value*& x = inputs[Recurrent::kX];
    x = slice(context_, x, batch_first_ ? 1 : 0, 0, run.steps);
    x = slice(context_, x, batch_first_ ? 0 : 1, run.begin, run.size);
    for (const size_t state : {Recurrent::kInitialH, Recurrent::kInitialC})
      if (inputs[state] != nullptr) inputs[state] = slice(context_, inputs[state], 0, run.begin, run.size);
    while (inputs.back() == nullptr) inputs.pop_back();
    return context_.add_many(std::make_unique<Recurrent>(layer_), inputs);
  }

  static std::vector<Value*> parts_of(const std::vector<Outputs>& directions, Value* Outputs::*output) {
    std::vector<Value*> parts(directions.size());
    std::transform(directions.begin(), directions.end(), parts.begin(),
                   [&](const Outputs& part) { return part.*output; });
    return parts;
  }

  // [time, directions, batch, hidden], or with layout 1 [batch, time, directions, hidden]. The directions lie side by
  // side in memory, which is how the next layer reads them.
  Value* joined_sequences(const std::vector<Outputs>& directions) {
    if (!layer_.sequence) return nullptr;
    Value* all = concat(context_, parts_of(directions, &Outputs::y), 2);
    if (batch_first_) return reshape(context_, all, {batch_, steps_, directions_, hidden_});
    return transpose(context_, reshape(context_, all, {steps_, batch_, directions_, hidden_}), {0, 2, 1, 3});
  }

  // [directions, batch, hidden], or with layout 1 [batch, directions, hidden].
  Value* joined_states(const std::vector<Outputs>& directions, Value* Outputs::*state) {
    std::vector<Value*> parts = parts_of(directions, state);
    if (parts.front() == nullptr) return nullptr;
    if (batch_first_) return reshape(context_, concat(context_, parts, 1), {batch_, directions_, hidden_});
    for (Value*& part : parts) part = reshape(context_, part, {1, batch_, hidden_});
    return concat(context_, parts, 0);
  }
};

}  // namespace

std::vector<Value*> import_recurrent(OnnxContext& context) {
  return RecurrentImporter(context).run();
}

}  // namespace linnet::ops

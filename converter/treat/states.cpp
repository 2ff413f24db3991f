#include "converter/treat/states.hpp"

#include <algorithm>

#include "converter/ops/functions.hpp"
#include "converter/ops/recurrent.hpp"

namespace linnet::treat {

using namespace ir;
using ops::Recurrent;

namespace {

constexpr size_t kResidual = 3;
constexpr int64_t kGruReset = 1, kGruHidden = 2;  // gates

// Of a GRU that multiplies the state by the reset gate before its product, for the last gate.
bool resets_before(const Layer& layer) {
  const auto* op = layer.node->as<Recurrent>();
  return op != nullptr && layer.input == Recurrent::kRecurrentWeights && op->kind == kernels::RecurrentKind::Gru &&
         !op->linear_before_reset;
}

// The states that a recurrent layer's steps begin with, [time, batch, hidden].
class States {
 public:
  States(const Node& node, const TensorOf& tensor) : op_(*node.as<Recurrent>()) {
    for (const Value* input : node.inputs)
      arrays_.push_back(input != nullptr ? std::optional(tensor(*input)) : std::nullopt);
    for (const auto& array : arrays_) inputs_.push_back(array ? &*array : nullptr);
    Recurrent whole = op_;
    whole.sequence = true;
    whole.last = whole.y_batch_first = false;
    const Array y = whole.evaluate(inputs_)[0];
    steps_ = y.shape()[0];
    batch_ = y.shape()[1];
    hidden_ = y.shape()[2];
    before_ = Matrix::Zero(steps_ * batch_, hidden_);
    for (int64_t t = 0; t < steps_; ++t)
      for (int64_t entry = 0; entry < batch_; ++entry)
        for (int64_t unit = 0; unit < hidden_; ++unit)
          before_(t * batch_ + entry, unit) = state_before(y, t, entry, unit);
  }

  Array before() const { return array_of(before_); }

  // Times the reset gate.
  Array reset() const {
    const Array &weights = *inputs_[Recurrent::kWeights], &recurrent = *inputs_[Recurrent::kRecurrentWeights],
                &x = *inputs_[Recurrent::kX];
    const int64_t columns = weights.shape()[1];
    Matrix result = before_;
    for (int64_t row = 0; row < result.rows(); ++row)
      for (int64_t unit = 0; unit < hidden_; ++unit) {
        const int64_t gate = kGruReset * hidden_ + unit;
        double sum = bias(gate) + bias(weights.shape()[0] + gate);
        for (int64_t i = 0; i < columns; ++i)
          sum += weights.number(static_cast<size_t>(gate * columns + i)) *
                 x.number(static_cast<size_t>(x_row(row) * columns + i));
        for (int64_t i = 0; i < hidden_; ++i)
          sum += recurrent.number(static_cast<size_t>(gate * hidden_ + i)) * before_(row, i);
        result(row, unit) *= ops::apply(op_.gate, std::clamp(sum, -op_.clip, op_.clip));
      }
    return array_of(result);
  }

 private:
  const Recurrent& op_;
  std::vector<std::optional<Array>> arrays_;
  std::vector<const Array*> inputs_;
  int64_t steps_ = 0, batch_ = 0, hidden_ = 0;
  Matrix before_;

  const Array* input(size_t index) const { return index < inputs_.size() ? inputs_[index] : nullptr; }
  double bias(int64_t row) const {
    const Array* array = input(Recurrent::kBias);
    return array != nullptr ? array->number(static_cast<size_t>(row)) : 0;
  }
  int64_t x_row(int64_t row) const { return op_.x_batch_first ? row % batch_ * steps_ + row / batch_ : row; }
  double state_before(const Array& y, int64_t t, int64_t entry, int64_t unit) const {
    const int64_t earlier = op_.reverse ? t + 1 : t - 1;
    if (earlier >= 0 && earlier < steps_)
      return y.number(static_cast<size_t>((earlier * batch_ + entry) * hidden_ + unit));
    const Array* initial = input(Recurrent::kInitialH);
    return initial != nullptr ? initial->number(static_cast<size_t>(entry * hidden_ + unit)) : 0;
  }
  Array array_of(const Matrix& matrix) const {
    return Array::of_doubles({steps_, batch_, hidden_}, {matrix.data(), matrix.data() + matrix.size()});
  }
};

}  // namespace

bool is_recurrent(const Layer& layer) {
  return layer.node->as<Recurrent>() != nullptr;
}

std::vector<RowRange> row_ranges(const Layer& layer) {
  if (resets_before(layer)) {
    const int64_t hidden = layer.inputs;
    return {{0, kGruHidden * hidden, 0}, {kGruHidden * hidden, hidden, 0}};
  }
  std::vector<RowRange> ranges;
  const int64_t rows = layer.rows / layer.groups;
  for (int64_t group = 0; group < layer.groups; ++group) ranges.push_back({group * rows, rows, group * layer.inputs});
  return ranges;
}

Readings readings(const Layer& layer, const TensorOf& tensor) {
  const Node& node = *layer.node;
  Readings result;
  if (is_recurrent(layer)) {
    if (layer.input == Recurrent::kWeights) return {{tensor(node.in(0))}, std::nullopt};
    const States states(node, tensor);
    result.x.push_back(states.before());
    if (resets_before(layer)) result.x.push_back(states.reset());
    return result;
  }
  result.x.push_back(tensor(node.in(0)));
  if (node.has(kResidual)) result.residual = tensor(node.in(kResidual));
  return result;
}

}  // namespace linnet::treat

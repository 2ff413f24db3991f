#include "converter/ops/recurrent_reference.hpp"

#include <algorithm>

#include "converter/ops/functions.hpp"
#include "converter/ops/int8_weights.hpp"
#include "converter/ops/parallel.hpp"
#include "kernels/recurrent/plan.hpp"

namespace linnet::ops {

namespace {

using Numbers = std::vector<double>;

class Evaluation {
 public:
  Evaluation(const Recurrent& layer, const std::vector<const Array*>& inputs)
      : layer_(layer),
        gates_(kernels::gate_count(layer.kind, false)),
        hidden_(inputs[Recurrent::kRecurrentWeights]->shape()[1]),
        inputs_(inputs[Recurrent::kX]->shape()[2]),
        steps_(inputs[Recurrent::kX]->shape()[layer.x_batch_first ? 1 : 0]),
        batch_(inputs[Recurrent::kX]->shape()[layer.x_batch_first ? 0 : 1]),
        x_(inputs[Recurrent::kX]->doubles()),
        weights_(real_weights(*inputs[Recurrent::kWeights])),
        recurrent_(real_weights(*inputs[Recurrent::kRecurrentWeights])),
        bias_(numbers(inputs, Recurrent::kBias, 2 * gates_ * hidden_)),
        h_(numbers(inputs, Recurrent::kInitialH, batch_ * hidden_)),
        c_(numbers(inputs, Recurrent::kInitialC, batch_ * hidden_)),
        peepholes_(numbers(inputs, Recurrent::kPeepholes, 3 * hidden_)),
        y_(static_cast<size_t>(steps_ * batch_ * hidden_)) {}

  void run() {
    parallel_for(batch_, [&](int64_t entry) {
      for (int64_t i = 0; i < steps_; ++i) step(layer_.reverse ? steps_ - 1 - i : i, entry);
    });
  }

  Numbers take_y() { return std::move(y_); }
  Numbers take_h() { return std::move(h_); }
  Numbers take_c() { return std::move(c_); }

 private:
  const Recurrent& layer_;
  int64_t gates_, hidden_, inputs_, steps_, batch_;
  Numbers x_, weights_, recurrent_, bias_, h_, c_, peepholes_, y_;

  static Numbers numbers(const std::vector<const Array*>& inputs, size_t index, int64_t count) {
    const Array* array = optional(inputs, index);
    return array != nullptr ? array->doubles() : Numbers(static_cast<size_t>(count), 0.0);
  }

  double activate(const Activation& function, double sum) const {
    return apply(function, std::clamp(sum, -layer_.clip, layer_.clip));
  }

  static double product(const double* a, const double* b, int64_t count) {
    double sum = 0.0;
    for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
    return sum;
  }

  // Half of the sum of gate `gate`, unit `unit`.
  double of_input(int64_t gate, int64_t unit, const double* x) const {
    const int64_t row = gate * hidden_ + unit;
    return bias_[row] + product(weights_.data() + row * inputs_, x, inputs_);
  }
  double of_state(int64_t gate, int64_t unit, const double* h) const {
    const int64_t row = gate * hidden_ + unit;
    return bias_[gates_ * hidden_ + row] + product(recurrent_.data() + row * hidden_, h, hidden_);
  }
  double sum(int64_t gate, int64_t unit, const double* x, const double* h) const {
    return of_input(gate, unit, x) + of_state(gate, unit, h);
  }

  void step(int64_t t, int64_t entry) {
    const double* x = x_.data() + (layer_.x_batch_first ? entry * steps_ + t : t * batch_ + entry) * inputs_;
    double* h = h_.data() + entry * hidden_;
    const Numbers next = layer_.kind == RecurrentKind::Rnn    ? rnn(x, h)
                         : layer_.kind == RecurrentKind::Lstm ? lstm(x, h, c_.data() + entry * hidden_)
                                                              : gru(x, h);
    std::copy(next.begin(), next.end(), h);
    std::copy(next.begin(), next.end(),
              y_.begin() + (layer_.y_batch_first ? entry * steps_ + t : t * batch_ + entry) * hidden_);
  }

  Numbers rnn(const double* x, const double* h) const {
    Numbers next;
    for (int64_t u = 0; u < hidden_; ++u) next.push_back(activate(layer_.gate, sum(0, u, x, h)));
    return next;
  }

  Numbers lstm(const double* x, const double* h, double* c) const {
    Numbers next;
    for (int64_t u = 0; u < hidden_; ++u) {
      const double input = activate(layer_.gate, sum(0, u, x, h) + peepholes_[u] * c[u]);
      const double forget = layer_.input_forget
                                ? 1.0 - input
                                : activate(layer_.gate, sum(2, u, x, h) + peepholes_[2 * hidden_ + u] * c[u]);
      c[u] = forget * c[u] + input * activate(layer_.cell, sum(3, u, x, h));
      const double output = activate(layer_.gate, sum(1, u, x, h) + peepholes_[hidden_ + u] * c[u]);
      next.push_back(output * apply(layer_.output, c[u]));
    }
    return next;
  }

  Numbers gru(const double* x, const double* h) const {
    Numbers reset, next;
    for (int64_t u = 0; u < hidden_; ++u) reset.push_back(activate(layer_.gate, sum(1, u, x, h)));
    Numbers kept(h, h + hidden_);
    for (int64_t u = 0; u < hidden_; ++u) kept[u] *= reset[u];
    for (int64_t u = 0; u < hidden_; ++u) {
      const double state = layer_.linear_before_reset ? reset[u] * of_state(2, u, h) : of_state(2, u, kept.data());
      const double candidate = activate(layer_.cell, of_input(2, u, x) + state);
      const double update = activate(layer_.gate, sum(0, u, x, h));
      next.push_back((1.0 - update) * candidate + update * h[u]);
    }
    return next;
  }
};

}  // namespace

std::vector<Array> evaluate_recurrent(const Recurrent& layer, const std::vector<const Array*>& inputs,
                                      const std::vector<TensorType>& types) {
  Evaluation evaluation(layer, inputs);
  evaluation.run();
  std::vector<Array> outputs;
  const auto add = [&](Numbers numbers) {
    const TensorType& type = types[outputs.size()];
    outputs.push_back(Array::of_doubles(type.shape, std::move(numbers), type.dtype));
  };
  if (layer.sequence) add(evaluation.take_y());
  if (layer.last) add(evaluation.take_h());
  if (layer.kind == RecurrentKind::Lstm) add(evaluation.take_c());
  return outputs;
}

}  // namespace linnet::ops

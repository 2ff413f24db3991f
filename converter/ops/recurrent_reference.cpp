#include "converter/ops/recurrent_reference.hpp"

#include <algorithm>

#include "converter/ops/functions.hpp"
#include "converter/ops/int8_weights.hpp"
#include "converter/ops/parallel.hpp"
#include "kernels/recurrent/plan.hpp"

namespace linnet::ops {

namespace {

using Numbers = std::vector<double>;

// A factor of products: real numbers, or integers and what they are multiples of.
struct Operand {
  Numbers values;
  float scale = 1;
};

struct Weights {
  Numbers values;
  std::vector<float> scales;  // of the rows of integers
};

class Evaluation {
 public:
  Evaluation(const Recurrent& layer, const std::vector<const Array*>& inputs)
      : layer_(layer),
        gates_(kernels::gate_count(layer.kind, false)),
        hidden_(inputs[Recurrent::kRecurrentWeights]->shape()[1]),
        inputs_(inputs[Recurrent::kX]->shape()[2]),
        steps_(inputs[Recurrent::kX]->shape()[layer.x_batch_first ? 1 : 0]),
        batch_(inputs[Recurrent::kX]->shape()[layer.x_batch_first ? 0 : 1]),
        x_(operand(inputs[Recurrent::kX]->doubles())),
        weights_(weights(*inputs[Recurrent::kWeights])),
        recurrent_(weights(*inputs[Recurrent::kRecurrentWeights])),
        bias_(numbers(inputs, Recurrent::kBias, 2 * gates_ * hidden_)),
        h_(numbers(inputs, Recurrent::kInitialH, batch_ * hidden_)),
        c_(numbers(inputs, Recurrent::kInitialC, batch_ * hidden_)),
        peepholes_(numbers(inputs, Recurrent::kPeepholes, 3 * hidden_)),
        y_(static_cast<size_t>(steps_ * batch_ * hidden_)) {}

  // States of all entries have one range where they are quantized.
  void run() {
    const auto sequence = [&](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < steps_; ++i) step(layer_.reverse ? steps_ - 1 - i : i, begin, end);
    };
    if (layer_.dynamic) return sequence(0, batch_);
    parallel_for(batch_, [&](int64_t entry) { sequence(entry, entry + 1); });
  }

  Numbers take_y() { return std::move(y_); }
  Numbers take_h() { return std::move(h_); }
  Numbers take_c() { return std::move(c_); }

 private:
  const Recurrent& layer_;
  int64_t gates_, hidden_, inputs_, steps_, batch_;
  Operand x_;
  Weights weights_, recurrent_;
  Numbers bias_, h_, c_, peepholes_, y_;

  static Numbers numbers(const std::vector<const Array*>& inputs, size_t index, int64_t count) {
    const Array* array = optional(inputs, index);
    return array != nullptr ? array->doubles() : Numbers(static_cast<size_t>(count), 0.0);
  }

  Operand operand(Numbers numbers) const {
    if (!layer_.dynamic) return {std::move(numbers)};
    const DynamicallyQuantized quantized = dynamically_quantized({numbers.begin(), numbers.end()});
    std::transform(quantized.values.begin(), quantized.values.end(), numbers.begin(),
                   [&](int64_t value) { return static_cast<double>(value - quantized.zero_point); });
    return {std::move(numbers), quantized.scale};
  }

  Weights weights(const Array& array) const {
    if (!layer_.dynamic) return {real_weights(array), {}};
    return {array.doubles(), Int8Weights(array).scales};
  }

  double activate(const Activation& function, double sum) const {
    return apply(function, std::clamp(sum, -layer_.clip, layer_.clip));
  }

  // Of row `row` of the weights and row `position` of a; of integers in float32, as Linear's.
  double product(const Weights& weights, int64_t row, const Operand& a, int64_t position, int64_t count) const {
    const double *w = weights.values.data() + row * count, *x = a.values.data() + position * count;
    double sum = 0.0;
    for (int64_t i = 0; i < count; ++i) sum += w[i] * x[i];
    if (!layer_.dynamic) return sum;
    const auto integer = static_cast<int32_t>(static_cast<int64_t>(sum));
    return static_cast<double>(static_cast<float>(integer) * (a.scale * weights.scales[static_cast<size_t>(row)]));
  }

  // Half of the sum of gate `gate`, unit `unit`.
  double of_input(int64_t gate, int64_t unit, int64_t position) const {
    const int64_t row = gate * hidden_ + unit;
    return bias_[row] + product(weights_, row, x_, position, inputs_);
  }
  double of_state(int64_t gate, int64_t unit, const Operand& h, int64_t entry) const {
    const int64_t row = gate * hidden_ + unit;
    return bias_[gates_ * hidden_ + row] + product(recurrent_, row, h, entry, hidden_);
  }

  int64_t input_row(int64_t t, int64_t entry) const {
    return layer_.x_batch_first ? entry * steps_ + t : t * batch_ + entry;
  }

  // Of batch entries begin .. end; `entry` counts from `begin` on, as rows of the state's operands do.
  void step(int64_t t, int64_t begin, int64_t end) {
    double* const h = h_.data() + begin * hidden_;
    const Operand state = operand({h, h_.data() + end * hidden_});
    const auto sum = [&](int64_t gate, int64_t unit, int64_t entry) {
      return of_input(gate, unit, input_row(t, begin + entry)) + of_state(gate, unit, state, entry);
    };
    Numbers next;
    if (layer_.kind == RecurrentKind::Gru) {
      next = gru(t, begin, end, state, sum);
    } else {
      for (int64_t entry = 0; entry < end - begin; ++entry)
        for (int64_t unit = 0; unit < hidden_; ++unit)
          next.push_back(layer_.kind == RecurrentKind::Rnn
                             ? activate(layer_.gate, sum(0, unit, entry))
                             : lstm(begin + entry, unit, [&](int64_t gate) { return sum(gate, unit, entry); }));
    }
    std::copy(next.begin(), next.end(), h);
    for (int64_t entry = begin; entry < end; ++entry)
      std::copy_n(h_.begin() + entry * hidden_, hidden_,
                  y_.begin() + (layer_.y_batch_first ? entry * steps_ + t : t * batch_ + entry) * hidden_);
  }

  template <class Sum>
  double lstm(int64_t entry, int64_t u, const Sum& sum) {
    double& c = c_[entry * hidden_ + u];
    const double input = activate(layer_.gate, sum(0) + peepholes_[u] * c);
    const double forget =
        layer_.input_forget ? 1.0 - input : activate(layer_.gate, sum(2) + peepholes_[2 * hidden_ + u] * c);
    c = forget * c + input * activate(layer_.cell, sum(3));
    return activate(layer_.gate, sum(1) + peepholes_[hidden_ + u] * c) * apply(layer_.output, c);
  }

  template <class Sum>
  Numbers gru(int64_t t, int64_t begin, int64_t end, const Operand& state, const Sum& sum) const {
    const int64_t entries = end - begin;
    const double* const h = h_.data() + begin * hidden_;
    Numbers reset, kept, next;
    for (int64_t entry = 0; entry < entries; ++entry)
      for (int64_t u = 0; u < hidden_; ++u) reset.push_back(activate(layer_.gate, sum(1, u, entry)));
    for (size_t i = 0; i < reset.size(); ++i) kept.push_back(reset[i] * h[i]);
    const Operand left = operand(std::move(kept));
    for (int64_t entry = 0; entry < entries; ++entry) {
      for (int64_t u = 0; u < hidden_; ++u) {
        const int64_t i = entry * hidden_ + u;
        const double of_kept =
            layer_.linear_before_reset ? reset[i] * of_state(2, u, state, entry) : of_state(2, u, left, entry);
        const double candidate = activate(layer_.cell, of_input(2, u, input_row(t, begin + entry)) + of_kept);
        const double update = activate(layer_.gate, sum(0, u, entry));
        next.push_back((1.0 - update) * candidate + update * h[i]);
      }
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

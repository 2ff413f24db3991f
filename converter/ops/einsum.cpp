// Einstein sums, for folding.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "converter/ops/axes.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/folded.hpp"
#include "converter/ops/functions.hpp"

namespace linnet::ops {

using import::OnnxContext;

namespace {

using Types = std::vector<const TensorType*>;
using Arrays = std::vector<const Array*>;

// Labels are letters; the dimensions of an ellipsis have the labels '0', '1', ... from the last one on.
constexpr std::string_view kEllipsis = "...";
constexpr double kMaximumProducts = 1e8;

struct Equation {
  std::vector<std::string> inputs;
  std::optional<std::string> output;
};

Equation parse(std::string text) {
  std::erase(text, ' ');
  Equation equation;
  const size_t arrow = text.find("->");
  if (arrow != text.npos) equation.output = text.substr(arrow + 2);
  equation.inputs.emplace_back();
  for (const char c : text.substr(0, arrow)) {
    if (c == ',')
      equation.inputs.emplace_back();
    else
      equation.inputs.back() += c;
  }
  return equation;
}

// A term with a label per dimension of a tensor; `dimensions` are those that an ellipsis stands for.
std::string expanded(const std::string& term, int64_t dimensions) {
  std::string labels;
  if (dimensions > 10) throw Error(fmt::format("an ellipsis of {} dimensions, supported are up to 10", dimensions));
  for (size_t i = 0; i < term.size(); ++i) {
    if (term.compare(i, kEllipsis.size(), kEllipsis) == 0) {
      for (int64_t d = dimensions; d-- > 0;) labels += static_cast<char>('0' + d);
      i += kEllipsis.size() - 1;
    } else if (std::isalpha(static_cast<unsigned char>(term[i])) != 0) {
      labels += term[i];
    } else {
      throw Error(fmt::format("'{}' in the equation, expected letters and ...", term[i]));
    }
  }
  return labels;
}

// The sizes of all labels, and the labels of every input and of the output.
struct Sum {
  std::vector<std::string> inputs;
  std::string output, summed;
  std::map<char, int64_t> sizes;
};

void add_sizes(Sum& sum, const std::string& labels, const Shape& shape) {
  if (labels.size() != shape.size())
    throw Error(fmt::format("an input of shape {} for {} labels", to_string(shape), labels.size()));
  for (size_t d = 0; d < shape.size(); ++d) {
    int64_t& size = sum.sizes.try_emplace(labels[d], shape[d]).first->second;
    const bool broadcasts = std::isdigit(static_cast<unsigned char>(labels[d])) != 0;
    if (broadcasts && size == 1) size = shape[d];
    if (size != shape[d] && !(broadcasts && shape[d] == 1))
      throw Error(fmt::format("dimensions of {} and {} elements have one label", size, shape[d]));
  }
}

Sum resolved(const Equation& equation, const Types& inputs) {
  Sum sum;
  if (equation.inputs.size() != inputs.size())
    throw Error(fmt::format("an equation of {} terms for {} inputs", equation.inputs.size(), inputs.size()));
  int64_t most = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string& term = equation.inputs[i];
    const Shape& shape = required(inputs, i, "operand").shape;
    require_same_dtype(*inputs[0], *inputs[i], "inputs");
    const bool ellipsis = term.find(kEllipsis) != term.npos;
    const auto letters = static_cast<int64_t>(term.size() - (ellipsis ? kEllipsis.size() : 0));
    const int64_t dimensions = ellipsis ? std::max<int64_t>(static_cast<int64_t>(shape.size()) - letters, 0) : 0;
    most = std::max(most, dimensions);
    sum.inputs.push_back(expanded(term, dimensions));
    add_sizes(sum, sum.inputs.back(), shape);
  }
  if (equation.output) {
    sum.output = expanded(*equation.output, most);
  } else {  // the ellipsis, and every letter that is there once, in alphabetical order
    sum.output = expanded(std::string(kEllipsis), most);
    std::string all;
    for (const std::string& labels : sum.inputs) all += labels;
    for (const auto& [label, size] : sum.sizes)
      if (std::isalpha(static_cast<unsigned char>(label)) != 0 && std::count(all.begin(), all.end(), label) == 1)
        sum.output += label;
  }
  double products = 1.0;
  for (const auto& [label, size] : sum.sizes) {
    products *= static_cast<double>(size);
    if (sum.output.find(label) == sum.output.npos) sum.summed += label;
  }
  for (const char label : sum.output)
    if (sum.sizes.count(label) == 0 || std::count(sum.output.begin(), sum.output.end(), label) > 1)
      throw Error(fmt::format("label '{}' of the result is in no input, or there twice", label));
  if (products > kMaximumProducts)
    throw Error(fmt::format("takes {:.3g} multiplications, supported are up to {:.0e}", products, kMaximumProducts));
  return sum;
}

Shape shape_of(const Sum& sum, const std::string& labels) {
  Shape shape;
  for (const char label : labels) shape.push_back(sum.sizes.at(label));
  return shape;
}

// How far a step of every label of `loop` moves in a tensor; dimensions of one label move together.
std::vector<int64_t> loop_strides(const std::string& loop, const std::string& labels, const Shape& shape) {
  const std::vector<int64_t> strides = row_major_strides(shape);
  std::vector<int64_t> result(loop.size(), 0);
  for (size_t d = 0; d < labels.size(); ++d)
    if (shape[d] != 1) result[loop.find(labels[d])] += strides[d];
  return result;
}

template <class T>
std::vector<T> products(const Sum& sum, const std::vector<std::vector<T>>& operands, const Types& types) {
  const Shape outer = shape_of(sum, sum.output), inner = shape_of(sum, sum.summed);
  const std::string loop = sum.output + sum.summed;
  Shape shape = outer;
  shape.insert(shape.end(), inner.begin(), inner.end());
  const auto count = static_cast<size_t>(element_count(outer)), steps = static_cast<size_t>(element_count(inner));
  std::vector<T> terms(count * steps, T{1}), result(count, T{0});
  for (size_t i = 0; i < operands.size(); ++i) {
    const std::vector<int64_t> offsets = strided_offsets(shape, loop_strides(loop, sum.inputs[i], types[i]->shape));
    for (size_t k = 0; k < terms.size(); ++k)
      terms[k] = wrapping_product(terms[k], operands[i][static_cast<size_t>(offsets[k])]);
  }
  for (size_t k = 0; k < terms.size(); ++k) result[k / steps] = wrapping_sum(result[k / steps], terms[k]);
  return result;
}

}  // namespace

std::vector<Value*> import_einsum(OnnxContext& context) {
  const std::string text = context.text("equation", "");
  const Equation equation = parse(text);
  const auto types = [equation](const Types& inputs) -> std::vector<TensorType> {
    const Sum sum = resolved(equation, inputs);
    if (inputs[0]->dtype == DType::boolean) throw Error("inputs have element type bool, supported are numbers");
    return {{inputs[0]->dtype, shape_of(sum, sum.output)}};
  };
  const auto compute = [equation](const Arrays& inputs) -> std::vector<Array> {
    const Types input_types = types_of(inputs);
    const Sum sum = resolved(equation, input_types);
    return {typed(*inputs[0], shape_of(sum, sum.output), [&](const auto& first) {
      std::vector<std::decay_t<decltype(first)>> operands;
      for (const Array* input : inputs) {
        if constexpr (std::is_same_v<std::decay_t<decltype(first)>, std::vector<double>>)
          operands.push_back(input->doubles());
        else
          operands.push_back(input->integers());
      }
      return products(sum, operands, input_types);
    })};
  };
  return fold(context, context.input_count(), text, types, compute);
}

}  // namespace linnet::ops

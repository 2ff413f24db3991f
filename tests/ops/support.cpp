#include "tests/ops/support.hpp"

#include <algorithm>
#include <cmath>

#include "converter/ops/broadcast.hpp"

namespace linnet::ops_test {

using namespace linnet::ir;

Array Random::array(const Shape& shape, double least, double most) {
  std::uniform_real_distribution<double> distribution(least, most);
  std::vector<double> values(static_cast<size_t>(element_count(shape)));
  for (double& value : values) value = distribution(engine_);
  return Array::of_doubles(shape, std::move(values));
}

Permutation Random::permutation(size_t rank) {
  Permutation result(rank);
  for (size_t d = 0; d < rank; ++d) result[d] = static_cast<int64_t>(d);
  std::shuffle(result.begin(), result.end(), engine_);
  return result;
}

void expect_equal(const Array& actual, const Array& expected, double tolerance) {
  ASSERT_EQ(to_string(actual.type()), to_string(expected.type()));
  for (size_t i = 0; i < expected.size(); ++i) {
    const double want = expected.number(i), got = actual.number(i);
    ASSERT_LE(std::abs(got - want), tolerance * std::max(1.0, std::abs(want)))
        << "element " << i << ": " << got << ", expected " << want;
  }
}

Array transposed(const Array& array, const Permutation& permutation) {
  const Shape shape = ops::permute(array.shape(), permutation);
  return array.gathered(shape, strided_offsets(shape, ops::permute(row_major_strides(array.shape()), permutation)));
}

std::vector<Array> evaluate(const Op& op, const std::vector<Array>& inputs) {
  std::vector<const Array*> pointers;
  std::vector<const TensorType*> types;
  for (const Array& input : inputs) {
    pointers.push_back(&input);
    types.push_back(&input.type());
  }
  const std::vector<TensorType> inferred = op.infer(types);
  std::vector<Array> outputs = op.evaluate(pointers);
  EXPECT_EQ(outputs.size(), inferred.size());
  for (size_t i = 0; i < outputs.size(); ++i) EXPECT_EQ(to_string(outputs[i].type()), to_string(inferred[i]));
  return outputs;
}

std::unique_ptr<SingleNode> single_node(const Op& op, const std::vector<Array>& inputs,
                                        const std::vector<size_t>& constants) {
  auto result = std::make_unique<SingleNode>();
  std::vector<Value*> values;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = "input" + std::to_string(i);
    const bool constant = std::find(constants.begin(), constants.end(), i) != constants.end();
    values.push_back(constant ? result->graph.add_constant(name, inputs[i])
                              : result->graph.add_input(name, inputs[i].type()));
  }
  result->node = result->graph.add(op.clone(), values, "node");
  result->graph.outputs = result->node->outputs;
  return result;
}

}  // namespace linnet::ops_test

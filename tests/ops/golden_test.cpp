// Every operator's reference evaluation against PyTorch's results in float64.
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/conv.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/linear.hpp"
#include "converter/ops/matmul.hpp"
#include "converter/ops/pool.hpp"
#include "converter/ops/reduce.hpp"
#include "converter/ops/softmax.hpp"
#include "tests/ops/support.hpp"

namespace linnet::ops_test {
namespace {

using namespace linnet::ops;
using kernels::BinaryFunction;
using kernels::PoolKind;
using kernels::ReduceKind;

struct Golden {
  std::vector<Array> inputs;
  Array output;
};

Array read_array(std::istream& line) {
  std::string type, text;
  line >> type >> text;
  Shape shape;
  if (text != "scalar") {
    std::istringstream sizes(text);
    for (std::string size; std::getline(sizes, size, 'x');) shape.push_back(std::stoll(size));
  }
  std::vector<double> values;
  for (double value; line >> value;) values.push_back(value);
  if (type == "i64") return Array::of_integers(shape, std::vector<int64_t>(values.begin(), values.end()));
  return Array::of_doubles(shape, values, DType::f64);
}

std::map<std::string, Golden> read_goldens() {
  std::ifstream file(LINNET_OPS_TEST_DATA "/goldens.txt");
  std::map<std::string, Golden> goldens;
  Golden* current = nullptr;
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string kind;
    line >> kind;
    if (kind == "case") {
      line >> text;
      current = &goldens[text];
    } else if (kind == "in") {
      current->inputs.push_back(read_array(line));
    } else if (kind == "out") {
      current->output = read_array(line);
    }
  }
  return goldens;
}

std::unique_ptr<Op> reduce(ReduceKind kind, std::vector<int64_t> axes, bool keep_dims) {
  Reduce op;
  op.kind = kind;
  op.axes = std::move(axes);
  op.keep_dims = keep_dims;
  return make(op);
}

std::unique_ptr<Op> arg_max(int64_t axis, bool keep_dims, bool select_last, bool minimum) {
  ArgMax op;
  op.axis = axis;
  op.keep_dims = keep_dims;
  op.select_last = select_last;
  op.minimum = minimum;
  return make(op);
}

std::unique_ptr<Op> conv(std::vector<int64_t> strides, std::vector<int64_t> dilations, std::vector<int64_t> begin,
                         std::vector<int64_t> end, int64_t groups, Function fused = Function::Identity) {
  Conv op;
  op.strides = std::move(strides);
  op.dilations = std::move(dilations);
  op.pads_begin = std::move(begin);
  op.pads_end = std::move(end);
  op.groups = groups;
  op.fused = {fused};
  return make(op);
}

std::unique_ptr<Op> conv_transpose(std::vector<int64_t> strides, std::vector<int64_t> dilations,
                                   std::vector<int64_t> pads, std::vector<int64_t> output_padding, int64_t groups) {
  ConvTranspose op;
  op.strides = std::move(strides);
  op.dilations = std::move(dilations);
  op.pads_begin = op.pads_end = std::move(pads);
  op.output_padding = std::move(output_padding);
  op.groups = groups;
  return make(op);
}

std::unique_ptr<Op> pool(PoolKind kind, std::vector<int64_t> kernel, std::vector<int64_t> strides,
                         std::vector<int64_t> dilations, std::vector<int64_t> pads, bool ceil_mode,
                         bool count_include_pad = false) {
  Pool op;
  op.kind = kind;
  op.kernel = std::move(kernel);
  op.strides = std::move(strides);
  op.dilations = std::move(dilations);
  op.pads_begin = op.pads_end = std::move(pads);
  op.ceil_mode = ceil_mode;
  op.count_include_pad = count_include_pad;
  return make(op);
}

std::unique_ptr<Op> attention_product() {
  MatMul op;
  op.a_permutation = {0, 2, 1, 3};
  op.b_permutation = {0, 2, 3, 1};
  op.scale = 0.25;
  return make(op);
}

std::unique_ptr<Op> softmax(int64_t axis, bool log) {
  Softmax op;
  op.axis = axis;
  op.log = log;
  return make(op);
}

std::unique_ptr<Op> batch_norm() {
  BatchNorm op;
  op.epsilon = 1e-3;
  return make(op);
}

std::map<std::string, std::unique_ptr<Op>> operators() {
  std::map<std::string, std::unique_ptr<Op>> ops;
  ops["conv_grouped_strided_dilated"] = conv({2, 1}, {1, 2}, {2, 1}, {1, 0}, 2);
  ops["conv_depthwise"] = conv({1, 1}, {1, 1}, {1, 1}, {1, 1}, 3);
  ops["conv_pointwise_residual_relu"] = conv({1, 1}, {1, 1}, {0, 0}, {0, 0}, 1, Function::Relu);
  ops["conv_1d"] = conv({2}, {1}, {1}, {1}, 1);
  ops["conv_transpose_grouped"] = conv_transpose({2, 3}, {1, 1}, {1, 0}, {1, 2}, 2);
  ops["conv_transpose_dilated"] = conv_transpose({1, 1}, {3, 2}, {1, 2}, {0, 0}, 1);
  ops["conv_transpose_1d"] = conv_transpose({2}, {1}, {1}, {0}, 1);
  ops["linear"] = make(Linear());
  ops["matmul_broadcast"] = make(MatMul());
  ops["matmul_attention"] = attention_product();
  ops["max_pool"] = pool(PoolKind::Max, {3, 2}, {2, 2}, {1, 1}, {1, 1}, true);
  ops["max_pool_dilated"] = pool(PoolKind::Max, {2, 2}, {1, 1}, {2, 2}, {0, 0}, false);
  ops["average_pool"] = pool(PoolKind::Average, {3, 3}, {2, 2}, {1, 1}, {1, 1}, true);
  ops["average_pool_with_pad"] = pool(PoolKind::Average, {3, 3}, {2, 2}, {1, 1}, {1, 1}, true, true);
  ops["max_pool_1d"] = pool(PoolKind::Max, {3}, {2}, {1}, {0}, true);
  ops["batch_norm"] = batch_norm();
  ops["scale_shift"] = make(ScaleShift());
  ops["softmax"] = softmax(1, false);
  ops["log_softmax"] = softmax(2, true);
  ops["reduce_sum"] = reduce(ReduceKind::Sum, {1, 2}, true);
  ops["reduce_mean"] = reduce(ReduceKind::Mean, {2, 3}, false);
  ops["reduce_max"] = reduce(ReduceKind::Max, {0, 2}, false);
  ops["reduce_min"] = reduce(ReduceKind::Min, {3}, false);
  ops["reduce_prod"] = reduce(ReduceKind::Prod, {2}, true);
  ops["reduce_l1"] = reduce(ReduceKind::L1, {0, 1, 2, 3}, false);
  ops["reduce_l2"] = reduce(ReduceKind::L2, {0, 3}, true);
  ops["reduce_sum_square"] = reduce(ReduceKind::SumSquare, {1}, false);
  ops["arg_max_first"] = arg_max(1, false, false, false);
  ops["arg_max_last"] = arg_max(1, false, true, false);
  ops["arg_min_columns"] = arg_max(0, true, false, true);
  const auto binary = [&](const char* name, BinaryFunction function) {
    Binary op;
    op.function = function;
    ops[std::string("binary_") + name] = make(op);
  };
  binary("add", BinaryFunction::Add);
  binary("sub", BinaryFunction::Sub);
  binary("mul", BinaryFunction::Mul);
  binary("div", BinaryFunction::Div);
  binary("max", BinaryFunction::Max);
  binary("min", BinaryFunction::Min);
  binary("pow", BinaryFunction::Pow);
  binary("prelu", BinaryFunction::PRelu);
  binary("integer_div", BinaryFunction::Div);
  binary("integer_pow", BinaryFunction::Pow);
  const std::map<Function, std::pair<float, float>> parameters = {{Function::LeakyRelu, {0.25f, 0.0f}},
                                                                  {Function::Clip, {-1.5f, 2.0f}},
                                                                  {Function::HardSigmoid, {0.25f, 0.5f}},
                                                                  {Function::Elu, {0.5f, 0.0f}},
                                                                  {Function::Selu, {1.5f, 1.25f}}};
  // The functions behind Round are held to ONNX's cases (Folded) and TensorFlow Lite's (golden_reference).
  for (int i = 0; i <= static_cast<int>(Function::Round); ++i) {
    Unary op;
    op.function.function = static_cast<Function>(i);
    if (const auto found = parameters.find(op.function.function); found != parameters.end()) {
      std::tie(op.function.alpha, op.function.beta) = found->second;
    }
    ops["function_" + std::string(ir::name(op.function.function))] = make(op);
  }
  return ops;
}

TEST(Golden, EveryOperatorComputesWhatPyTorchDoes) {
  const auto goldens = read_goldens();
  const auto ops = operators();
  std::set<std::string> stored, stated;
  for (const auto& [name, golden] : goldens) stored.insert(name);
  for (const auto& [name, op] : ops) stated.insert(name);
  ASSERT_EQ(stored, stated);
  for (const auto& [name, golden] : goldens) {
    SCOPED_TRACE(name);
    expect_equal(evaluate(*ops.at(name), golden.inputs)[0], golden.output, 1e-12);
  }
}

// A fused activation is the function of the golden cases, applied to the plain result.
TEST(Golden, FusedActivationsFollowEveryOperator) {
  const auto goldens = read_goldens();
  const auto ops = operators();
  size_t fusing = 0;
  for (const auto& [name, op] : ops) {
    SCOPED_TRACE(name);
    const std::vector<Array>& inputs = goldens.at(name).inputs;
    if (op->activation() == nullptr || !inputs[0].floating()) continue;
    ++fusing;
    const auto plain_op = op->clone();
    *plain_op->activation() = {};
    const Array plain = evaluate(*plain_op, inputs)[0];
    for (const auto& [function_name, function] : ops) {
      if (!function_name.starts_with("function_") || function_name == "function_Log" ||
          function_name == "function_Sqrt")
        continue;
      SCOPED_TRACE(function_name);
      const auto fused = op->clone();
      *fused->activation() = dynamic_cast<const Unary&>(*function).function;
      expect_equal(evaluate(*fused, inputs)[0], evaluate(*function, {plain})[0], 1e-12);
    }
  }
  EXPECT_GE(fusing, 30u);
}

}  // namespace
}  // namespace linnet::ops_test

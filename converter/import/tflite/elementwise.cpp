// Element-wise operators.
#include <fmt/format.h>

#include "converter/import/tflite/helpers.hpp"
#include "converter/import/tflite/quantization.hpp"
#include "converter/ops/broadcast.hpp"
#include "converter/ops/cast.hpp"
#include "converter/ops/elementwise.hpp"

namespace linnet::import::from_tflite {

using kernels::BinaryFunction;

namespace {

struct UnaryRow {
  tfl::BuiltinOperator op;
  Activation function;
};

constexpr UnaryRow kUnary[] = {{tfl::BuiltinOperator::ABS, {Function::Abs}},
                               {tfl::BuiltinOperator::CEIL, {Function::Ceil}},
                               {tfl::BuiltinOperator::COS, {Function::Cos}},
                               {tfl::BuiltinOperator::ELU, {Function::Elu, 1.0f}},
                               {tfl::BuiltinOperator::EXP, {Function::Exp}},
                               {tfl::BuiltinOperator::FLOOR, {Function::Floor}},
                               {tfl::BuiltinOperator::HARD_SWISH, {Function::HardSwish}},
                               {tfl::BuiltinOperator::LOG, {Function::Log}},
                               {tfl::BuiltinOperator::LOGISTIC, {Function::Sigmoid}},
                               {tfl::BuiltinOperator::NEG, {Function::Neg}},
                               {tfl::BuiltinOperator::RELU, {Function::Relu}},
                               {tfl::BuiltinOperator::RELU6, {Function::Clip, 0.0f, 6.0f}},
                               {tfl::BuiltinOperator::RELU_0_TO_1, {Function::Clip, 0.0f, 1.0f}},
                               {tfl::BuiltinOperator::RELU_N1_TO_1, {Function::Clip, -1.0f, 1.0f}},
                               {tfl::BuiltinOperator::ROUND, {Function::Round}},
                               {tfl::BuiltinOperator::SIN, {Function::Sin}},
                               {tfl::BuiltinOperator::SQRT, {Function::Sqrt}},
                               {tfl::BuiltinOperator::TANH, {Function::Tanh}}};

struct BinaryRow {
  tfl::BuiltinOperator op;
  BinaryFunction function;
};

constexpr BinaryRow kBinary[] = {
    {tfl::BuiltinOperator::ADD, BinaryFunction::Add},     {tfl::BuiltinOperator::SUB, BinaryFunction::Sub},
    {tfl::BuiltinOperator::MUL, BinaryFunction::Mul},     {tfl::BuiltinOperator::DIV, BinaryFunction::Div},
    {tfl::BuiltinOperator::MAXIMUM, BinaryFunction::Max}, {tfl::BuiltinOperator::MINIMUM, BinaryFunction::Min},
    {tfl::BuiltinOperator::POW, BinaryFunction::Pow},     {tfl::BuiltinOperator::PRELU, BinaryFunction::PRelu}};

template <class Row, size_t kCount>
const Row& row_of(TfliteContext& context, const Row (&rows)[kCount]) {
  const auto found =
      std::find_if(std::begin(rows), std::end(rows), [&](const Row& row) { return row.op == context.op_type(); });
  if (found == std::end(rows)) context.fail("unknown operator");
  return *found;
}

// The activation in the options of the binary operators that have one.
tfl::ActivationFunctionType fused_activation(TfliteContext& context) {
  const auto of = [](const auto* options) {
    return options != nullptr ? options->fused_activation_function() : tfl::ActivationFunctionType::NONE;
  };
  switch (context.op_type()) {
    case tfl::BuiltinOperator::ADD:
      return of(context.optional_options<tfl::AddOptions>());
    case tfl::BuiltinOperator::SUB:
      return of(context.optional_options<tfl::SubOptions>());
    case tfl::BuiltinOperator::MUL:
      return of(context.optional_options<tfl::MulOptions>());
    case tfl::BuiltinOperator::DIV:
      return of(context.optional_options<tfl::DivOptions>());
    default:
      return tfl::ActivationFunctionType::NONE;
  }
}

// Whether the options of ADD and SUB ask for shifts where scales are powers of two, which is their default.
bool shifts_powers_of_two(TfliteContext& context) {
  const auto of = [](const auto* options) { return options == nullptr || options->pot_scale_int16(); };
  switch (context.op_type()) {
    case tfl::BuiltinOperator::ADD:
      return of(context.optional_options<tfl::AddOptions>());
    case tfl::BuiltinOperator::SUB:
      return of(context.optional_options<tfl::SubOptions>());
    default:
      return false;
  }
}

template <class Op>
Value* add_two(TfliteContext& context, Op op) {
  return context.add(std::make_unique<Op>(op), {context.input(0), context.input(1)});
}

}  // namespace

std::vector<Value*> import_unary(TfliteContext& context) {
  return {unary(context, row_of(context, kUnary).function, context.input(0))};
}

std::vector<Value*> import_binary(TfliteContext& context) {
  const BinaryFunction function = row_of(context, kBinary).function;
  const bool integers = context.integer_form(0) || context.integer_form(1);
  Value *a = integers ? context.input(0) : context.float_input(0),
        *b = integers ? context.input(1) : context.float_input(1);
  if (function == BinaryFunction::PRelu && !ops::broadcasts_to(b->shape(), a->shape()))
    context.fail(fmt::format("slope of shape {} does not broadcast to the input's shape {}", to_string(b->shape()),
                             to_string(a->shape())));
  if (function == BinaryFunction::PRelu && integers && a->type.dtype == DType::i16) {
    if (b->type.dtype != DType::i8)
      context.fail(
          fmt::format("slope is {}; supported beside an input of int16 is int8, as which TensorFlow Lite "
                      "reads its bytes",
                      to_string(b->type)));
    b = widened(context, b);
  }
  auto op = std::make_unique<ops::Binary>();
  op->function = function;
  op->shifts = integers && a->type.dtype == DType::i16 && shifts_powers_of_two(context);
  return {add_activated(context, std::move(op), {a, b}, fused_activation(context), context.integer_form(0) ? 0 : 1)};
}

std::vector<Value*> import_add_n(TfliteContext& context) {
  Value* y = context.input(0);
  for (size_t i = 1; i < context.input_count(); ++i) y = ops::binary(context, BinaryFunction::Add, y, context.input(i));
  return {y};
}

// Of real numbers in the form in which norms are recognised.
std::vector<Value*> import_squared_difference(TfliteContext& context) {
  if (context.integer_form(0) || context.integer_form(1)) {
    auto op = std::make_unique<ops::Binary>();
    op->function = BinaryFunction::SquaredDifference;
    return {add_activated(context, std::move(op), {context.input(0), context.input(1)},
                          tfl::ActivationFunctionType::NONE, context.integer_form(0) ? 0 : 1)};
  }
  Value* difference = ops::binary(context, BinaryFunction::Sub, context.input(0), context.input(1));
  return {ops::binary(context, BinaryFunction::Mul, difference, difference)};
}

std::vector<Value*> import_square(TfliteContext& context) {
  return {ops::binary(context, BinaryFunction::Mul, context.input(0), context.input(0))};
}

// Of real numbers as two steps, from which norms are recognised.
std::vector<Value*> import_rsqrt(TfliteContext& context) {
  if (context.integer_form()) return {unary(context, {Function::Rsqrt}, context.input(0))};
  return {ops::unary(context, {Function::Reciprocal}, ops::unary(context, {Function::Sqrt}, context.input(0)))};
}

std::vector<Value*> import_leaky_relu(TfliteContext& context) {
  const float alpha = context.options<tfl::LeakyReluOptions>().alpha();
  return {unary(context, {Function::LeakyRelu, alpha}, context.input(0))};
}

std::vector<Value*> import_gelu(TfliteContext& context) {
  const auto* options = context.optional_options<tfl::GeluOptions>();
  const bool approximate = options != nullptr && options->approximate();
  return {unary(context, {approximate ? Function::GeluTanh : Function::Gelu}, context.input(0))};
}

std::vector<Value*> import_comparison(TfliteContext& context) {
  ops::Compare op;
  switch (context.op_type()) {
    case tfl::BuiltinOperator::LESS:
      op.comparison = ops::Comparison::Less;
      break;
    case tfl::BuiltinOperator::LESS_EQUAL:
      op.comparison = ops::Comparison::LessOrEqual;
      break;
    case tfl::BuiltinOperator::GREATER:
      op.comparison = ops::Comparison::Greater;
      break;
    case tfl::BuiltinOperator::GREATER_EQUAL:
      op.comparison = ops::Comparison::GreaterOrEqual;
      break;
    default:
      op.comparison = ops::Comparison::Equal;
      break;
  }
  Value* y = add_two(context, op);
  if (context.op_type() != tfl::BuiltinOperator::NOT_EQUAL) return {y};
  ops::Logical negation;
  negation.function = ops::LogicalFunction::Not;
  return {context.add(std::make_unique<ops::Logical>(negation), {y})};
}

std::vector<Value*> import_logical(TfliteContext& context) {
  ops::Logical op;
  if (context.op_type() == tfl::BuiltinOperator::LOGICAL_NOT) {
    op.function = ops::LogicalFunction::Not;
    return {context.add(std::make_unique<ops::Logical>(op), {context.input(0)})};
  }
  op.function =
      context.op_type() == tfl::BuiltinOperator::LOGICAL_OR ? ops::LogicalFunction::Or : ops::LogicalFunction::And;
  return {add_two(context, op)};
}

// The condition of SELECT may be a vector that chooses among the entries of the first dimension.
std::vector<Value*> import_select(TfliteContext& context) {
  Value *condition = context.input(0), *a = context.input(1), *b = context.input(2);
  if (context.op_type() == tfl::BuiltinOperator::SELECT && condition->shape().size() == 1 && a->shape().size() > 1) {
    Shape shape(a->shape().size(), 1);
    shape[0] = condition->shape()[0];
    condition = ops::reshape(context, condition, shape);
  }
  return {context.add(std::make_unique<ops::Where>(), {condition, a, b})};
}

std::vector<Value*> import_floor_mod(TfliteContext& context) {
  return {add_two(context, ops::Mod{})};
}

// The remainder has the sign of the divisor, so that the division without it is exact.
std::vector<Value*> import_floor_div(TfliteContext& context) {
  Value *a = context.input(0), *b = context.input(1);
  if (is_floating(a->type.dtype))
    return {ops::unary(context, {Function::Floor}, ops::binary(context, BinaryFunction::Div, a, b))};
  Value* whole = ops::binary(context, BinaryFunction::Sub, a, add_two(context, ops::Mod{}));
  return {ops::binary(context, BinaryFunction::Div, whole, b)};
}

// Of the integers as the file has them, whatever they stand for.
std::vector<Value*> import_cast(TfliteContext& context) {
  const tfl::Tensor& target = context.output_tensor(0);
  Value* x = to_file_form(context.state().graph, context.input(0), context.input_tensor(0));
  auto op = std::make_unique<ops::Cast>();
  op->to = dtype_of(target.type());
  op->quantization = quantization_of(target);
  if (x->type.dtype == op->to && x->type.quantization == op->quantization) return {context.input(0)};
  return {to_graph_form(context.state().graph, context.add(std::move(op), {x}), target)};
}

}  // namespace linnet::import::from_tflite

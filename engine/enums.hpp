// The file format's enumerations as the kernels' ones. They share their numbering; a difference does not compile.
#pragma once

#include "engine/linnet.h"
#include "kernels/contract.hpp"
#include "schema/model_generated.h"

namespace linnet::engine {

#define LINNET_SAME(type, name) \
  static_assert(static_cast<int>(fb::type::name) == static_cast<int>(kernels::type::name), #type "::" #name)
LINNET_SAME(Function, Identity);
LINNET_SAME(Function, Relu);
LINNET_SAME(Function, LeakyRelu);
LINNET_SAME(Function, Clip);
LINNET_SAME(Function, Sigmoid);
LINNET_SAME(Function, Tanh);
LINNET_SAME(Function, HardSigmoid);
LINNET_SAME(Function, HardSwish);
LINNET_SAME(Function, Elu);
LINNET_SAME(Function, Selu);
LINNET_SAME(Function, Softplus);
LINNET_SAME(Function, Softsign);
LINNET_SAME(Function, Mish);
LINNET_SAME(Function, Erf);
LINNET_SAME(Function, Gelu);
LINNET_SAME(Function, GeluTanh);
LINNET_SAME(Function, Silu);
LINNET_SAME(Function, Exp);
LINNET_SAME(Function, Log);
LINNET_SAME(Function, Sqrt);
LINNET_SAME(Function, Reciprocal);
LINNET_SAME(Function, Abs);
LINNET_SAME(Function, Neg);
LINNET_SAME(Function, Floor);
LINNET_SAME(Function, Ceil);
LINNET_SAME(Function, Round);
LINNET_SAME(Function, Sin);
LINNET_SAME(Function, Cos);
LINNET_SAME(Function, Rsqrt);
LINNET_SAME(BinaryFunction, Add);
LINNET_SAME(BinaryFunction, Sub);
LINNET_SAME(BinaryFunction, Mul);
LINNET_SAME(BinaryFunction, Div);
LINNET_SAME(BinaryFunction, Max);
LINNET_SAME(BinaryFunction, Min);
LINNET_SAME(BinaryFunction, Pow);
LINNET_SAME(BinaryFunction, PRelu);
LINNET_SAME(BinaryFunction, SquaredDifference);
LINNET_SAME(PoolKind, Max);
LINNET_SAME(PoolKind, Average);
LINNET_SAME(NormKind, Layer);
LINNET_SAME(NormKind, Rms);
LINNET_SAME(NormKind, L2);
LINNET_SAME(ReduceKind, Sum);
LINNET_SAME(ReduceKind, Mean);
LINNET_SAME(ReduceKind, Max);
LINNET_SAME(ReduceKind, Min);
LINNET_SAME(ReduceKind, Prod);
LINNET_SAME(ReduceKind, L1);
LINNET_SAME(ReduceKind, L2);
LINNET_SAME(ReduceKind, SumSquare);
LINNET_SAME(RecurrentKind, Rnn);
LINNET_SAME(RecurrentKind, Lstm);
LINNET_SAME(RecurrentKind, Gru);
#undef LINNET_SAME
static_assert(static_cast<int>(fb::Function::MAX) + 1 == kernels::kFunctionCount, "Function");
static_assert(static_cast<int>(fb::BinaryFunction::MAX) + 1 == kernels::kBinaryFunctionCount, "BinaryFunction");
static_assert(static_cast<int>(fb::ReduceKind::MAX) + 1 == kernels::kReduceKindCount, "ReduceKind");
static_assert(static_cast<int>(fb::RecurrentKind::MAX) == static_cast<int>(kernels::RecurrentKind::Gru),
              "RecurrentKind");
static_assert(static_cast<int>(fb::DataType::Float32) == LINNET_FLOAT32, "DataType::Float32");
static_assert(static_cast<int>(fb::DataType::Int8) == LINNET_INT8, "DataType::Int8");
static_assert(static_cast<int>(fb::DataType::UInt8) == LINNET_UINT8, "DataType::UInt8");
static_assert(static_cast<int>(fb::DataType::Int32) == LINNET_INT32, "DataType::Int32");
static_assert(static_cast<int>(fb::DataType::Bool) == LINNET_BOOL, "DataType::Bool");
static_assert(static_cast<int>(fb::DataType::Int16) == LINNET_INT16, "DataType::Int16");
static_assert(static_cast<int>(fb::DataType::MAX) == LINNET_INT16, "DataType");

inline kernels::Activation activation_of(const fb::Activation* activation) {
  kernels::Activation result;
  if (activation != nullptr) {
    result.function = static_cast<kernels::Function>(activation->function());
    result.alpha = activation->alpha();
    result.beta = activation->beta();
  }
  return result;
}

}  // namespace linnet::engine

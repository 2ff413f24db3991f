// Element-wise functions of one and two arguments, by their ONNX definitions. The numbering is the file format's
// (schema/model.fbs); the engine asserts that both agree.
#pragma once

#include <cstdint>

namespace linnet::kernels {

enum class Function : uint8_t {
  Identity = 0,
  Relu,       // max(x, 0)
  LeakyRelu,  // x < 0 ? alpha x : x
  Clip,       // min(max(x, alpha), beta)
  Sigmoid,    // 1 / (1 + exp(-x))
  Tanh,
  HardSigmoid,  // min(max(alpha x + beta, 0), 1)
  HardSwish,    // x min(max(x / 6 + 1/2, 0), 1)
  Elu,          // x < 0 ? alpha (exp(x) - 1) : x
  Selu,         // beta (x < 0 ? alpha (exp(x) - 1) : x)
  Softplus,     // log(1 + exp(x))
  Softsign,     // x / (1 + |x|)
  Mish,         // x tanh(softplus(x))
  Erf,
  Gelu,      // x/2 (1 + erf(x / sqrt 2))
  GeluTanh,  // x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  Silu,      // x sigmoid(x)
  Exp,
  Log,
  Sqrt,
  Reciprocal,
  Abs,
  Neg,
  Floor,
  Ceil,
  Round,  // half to even
  Sin,
  Cos,
  Rsqrt,  // 1 / sqrt(x)
};
constexpr int kFunctionCount = 29;

enum class BinaryFunction : uint8_t {
  Add = 0,
  Sub,
  Mul,
  Div,
  Max,
  Min,
  Pow,
  PRelu,              // a < 0 ? b a : a
  SquaredDifference,  // (a - b)^2
};
constexpr int kBinaryFunctionCount = 9;

enum class PoolKind : uint8_t { Max = 0, Average };
enum class NormKind : uint8_t { Layer = 0, Rms, L2 };
enum class ReduceKind : uint8_t { Sum = 0, Mean, Max, Min, Prod, L1, L2, SumSquare };
constexpr int kReduceKindCount = 8;
enum class RecurrentKind : uint8_t { Rnn = 0, Lstm, Gru };

struct Activation {
  Function function = Function::Identity;
  float alpha = 0.0f;
  float beta = 0.0f;
};

}  // namespace linnet::kernels

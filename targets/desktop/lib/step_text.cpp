#include "targets/desktop/lib/step_text.hpp"

#include <fmt/format.h>

#include <utility>

#include "schema/arithmetic.hpp"
#include "schema/model_generated.h"

namespace linnet::tools {
namespace {

class Writer {
 public:
  template <class... Args>
  Writer& add(fmt::format_string<Args...> format, Args&&... args) {
    if (!result_.text.empty()) result_.text += ' ';
    result_.text += fmt::format(format, std::forward<Args>(args)...);
    return *this;
  }
  Writer& pair(const char* name, int h, int w, int usual) {
    if (h == usual && w == usual) return *this;
    return h == w ? add("{} {}", name, h) : add("{} {}x{}", name, h, w);
  }
  Writer& activation(const fb::Activation* activation) {
    if (activation == nullptr || activation->function() == fb::Function::Identity) return *this;
    const auto function = activation->function();
    add("+{}", fb::EnumNameFunction(function));
    const bool one = function == fb::Function::LeakyRelu || function == fb::Function::Elu;
    const bool two =
        function == fb::Function::Clip || function == fb::Function::HardSigmoid || function == fb::Function::Selu;
    if (one) result_.text += fmt::format("({:g})", activation->alpha());
    if (two) result_.text += fmt::format("({:g}, {:g})", activation->alpha(), activation->beta());
    return *this;
  }
  template <class Table>
  Writer& window(const Table& op) {
    add("{}x{}", op.kernel_h(), op.kernel_w());
    pair("stride", op.stride_h(), op.stride_w(), 1);
    pair("dilation", op.dilation_h(), op.dilation_w(), 1);
    return pair("pad", op.pad_top(), op.pad_left(), 0);
  }
  // Where the fused activation of an integer step narrows the range of its type; behind a residual that of the sum.
  template <class Table>
  Writer& range(const Table& op) {
    if (const fb::QuantizedResidual* sum = sum_of(op, 0)) return range(sum->low(), sum->high());
    const fb::Requantize* result = arithmetic::requantize_of(op, 0);
    return result == nullptr ? *this : range(result->low(), result->high());
  }
  // Of a step with float arithmetic.
  Writer& int8_weights(fb::WeightLayout layout) {
    const bool has = layout == fb::WeightLayout::Panel16Float32x8 || layout == fb::WeightLayout::Depthwise16Float32x8;
    if (layout == fb::WeightLayout::Panel16Dynamic8) return add("int8 weights, dynamic");
    if (layout == fb::WeightLayout::SparseFloat32 || layout == fb::WeightLayout::SparseInt8) return add("sparse");
    if (layout == fb::WeightLayout::Sparse4Float32) return add("sparse 4x1");
    if (layout == fb::WeightLayout::Sparse16Float32) return add("sparse 16x1");
    if (layout == fb::WeightLayout::Panel16Codes || layout == fb::WeightLayout::Panel16Int8Codes)
      return add("coded weights");
    return has ? add("int8 weights") : *this;
  }
  Writer& buffer(uint32_t index) {
    result_.buffers.push_back(index);
    return *this;
  }
  template <class Table>
  Writer& residual(const Table& op, const fb::Step& step, uint32_t input = 1) {
    if (step.inputs() == nullptr || step.inputs()->size() <= input) return *this;
    const fb::Requantize* own = arithmetic::requantize_of(op, 0);
    if (own != nullptr) range(own->low(), own->high());
    return add("+residual");
  }
  StepParameters result() const { return result_; }

 private:
  StepParameters result_;

  template <class Table>
  static auto sum_of(const Table& op, int) -> decltype(op.residual()) {
    return op.residual();
  }
  template <class Table>
  static const fb::QuantizedResidual* sum_of(const Table&, long) {
    return nullptr;
  }
  Writer& range(int16_t low, int16_t high) {
    if (low >= high) return *this;
    for (const auto& [lowest, highest] : {std::pair(-128, 127), std::pair(0, 255), std::pair(-32768, 32767)}) {
      if (low == lowest && high == highest) return *this;
    }
    return add("+[{}, {}]", low, high);
  }
};

template <class Vector>
std::string extents(const Vector* values) {
  return values == nullptr ? "" : fmt::format("{}", fmt::join(values->begin(), values->end(), "x"));
}

void describe(const fb::Conv2D& op, const fb::Step& step, Writer* writer) {
  writer->window(op);
  if (op.groups() != 1) writer->add("groups {}", op.groups());
  writer->int8_weights(op.weight_layout());
  writer->residual(op, step).activation(op.activation()).buffer(op.weights());
}

void describe(const fb::ScaledConv2D& op, const fb::Step& step, Writer* writer) {
  writer->window(op).residual(op, step, 2).activation(op.activation()).buffer(op.weights());
}

void describe(const fb::Winograd2D& op, const fb::Step& step, Writer* writer) {
  writer->add("F({0}x{0},3x3)", op.tile()).pair("pad", op.pad_top(), op.pad_left(), 0);
  writer->residual(op, step).activation(op.activation()).buffer(op.weights());
}

void describe(const fb::DepthwiseConv2D& op, const fb::Step& step, Writer* writer) {
  writer->window(op).int8_weights(op.weight_layout());
  writer->residual(op, step).activation(op.activation()).buffer(op.weights());
}

void describe(const fb::ConvTranspose2D& op, const fb::Step&, Writer* writer) {
  writer->window(op);
  if (op.groups() != 1) writer->add("groups {}", op.groups());
  writer->int8_weights(op.weight_layout());
  writer->activation(op.activation()).buffer(op.weights());
}

void describe(const fb::FullyConnected& op, const fb::Step& step, Writer* writer) {
  if (op.transposed()) writer->add("transposed");
  if (op.bias() != 0) writer->buffer(op.bias() - 1);
  writer->int8_weights(op.weight_layout());
  writer->residual(op, step).activation(op.activation()).buffer(op.weights());
}

void describe(const fb::MatMul& op, const fb::Step&, Writer* writer) {
  writer->add("{}x{} by {}x{}", op.m(), op.k(), op.k(), op.n());
  const std::string batch = extents(op.batch_shape());
  if (!batch.empty()) writer->add("batch {}", batch);
  if (op.scale() != 1) writer->add("scale {:g}", op.scale());
  writer->activation(op.activation());
}

void describe(const fb::Pool2D& op, const fb::Step&, Writer* writer) {
  writer->add("{}", fb::EnumNamePoolKind(op.kind())).window(op);
  if (op.count_include_pad()) writer->add("counting padding");
  writer->activation(op.activation());
}

void describe(const fb::Binary& op, const fb::Step&, Writer* writer) {
  writer->add("{}", fb::EnumNameBinaryFunction(op.function())).activation(op.activation());
}

void describe(const fb::Unary& op, const fb::Step&, Writer* writer) {
  writer->activation(op.activation());
  if (op.lookup() != 0) writer->buffer(op.lookup() - 1);
}

void describe(const fb::ScaleShift& op, const fb::Step&, Writer* writer) {
  writer->activation(op.activation()).buffer(op.parameters());
}

void describe(const fb::Softmax& op, const fb::Step&, Writer* writer) {
  writer->add("{}over {}", op.log() ? "log " : "", op.axis());
}

void describe(const fb::Copy& op, const fb::Step&, Writer* writer) {
  writer->add("{}", extents(op.shape()));
  if (op.fill()) writer->add("filled");
}

void describe(const fb::Gather& op, const fb::Step&, Writer* writer) {
  writer->add("{} of {}", op.out_size(), op.in_size()).buffer(op.indices());
}

void describe(const fb::Resample& op, const fb::Step&, Writer* writer) {
  writer->add("{} to {}, {} taps", op.in_size(), op.out_size(), op.taps()).buffer(op.indices()).buffer(op.weights());
}

void describe(const fb::Reduce& op, const fb::Step&, Writer* writer) {
  writer->add("{} of {}", fb::EnumNameReduceKind(op.kind()), op.size()).activation(op.activation());
}

void describe(const fb::ArgMax& op, const fb::Step&, Writer* writer) {
  writer->add("{} of {}", op.minimum() ? "minimum" : "maximum", op.size());
}

void describe(const fb::Cast&, const fb::Step&, Writer*) {}

void describe(const fb::RowNorm& op, const fb::Step&, Writer* writer) {
  writer->add("{} over {}", fb::EnumNameNormKind(op.kind()), op.size()).activation(op.activation());
  if (op.gain() != 0) writer->buffer(op.gain() - 1);
  if (op.shift() != 0) writer->buffer(op.shift() - 1);
}

void describe(const fb::GroupNorm& op, const fb::Step&, Writer* writer) {
  writer->add("groups {}", op.groups()).activation(op.activation()).buffer(op.parameters());
}

void describe(const fb::Recurrent& op, const fb::Step&, Writer* writer) {
  writer->add("{} of {}", fb::EnumNameRecurrentKind(op.kind()), op.hidden());
  writer->int8_weights(op.weight_layout());
  if (op.reverse()) writer->add("reverse");
  if (op.linear_before_reset()) writer->add("linear before reset");
  if (op.input_forget()) writer->add("coupled forget gate");
  if (op.clip() != 0) writer->add("clip {:g}", op.clip());
  writer->activation(op.gate()).activation(op.cell()).activation(op.output());
  writer->buffer(op.input_weights()).buffer(op.recurrent_weights());
  if (op.peepholes() != 0) writer->add("peepholes").buffer(op.peepholes() - 1);
}

}  // namespace

StepParameters step_parameters(const fb::Step& step) {
  Writer writer;
  switch (step.op_type()) {
#define LINNET_OPERATOR(name)                      \
  case fb::Operator::name:                         \
    describe(*step.op_as_##name(), step, &writer); \
    writer.range(*step.op_as_##name());            \
    break;
#include "schema/operators.inc"
#undef LINNET_OPERATOR
    default:
      break;
  }
  return writer.result();
}

}  // namespace linnet::tools

// linnet's side of neon_layers; `kernels` is an instruction set's name.
#include <cstring>
#include <memory>

#include "kernels/dispatch.hpp"
#include "kernels/pack.hpp"
#include "kernels/pack_int8.hpp"
#include "tests/bench/neon_layers.hpp"
#include "tests/bench/support.hpp"

namespace linnet::bench {
namespace {

using namespace kernels;

template <class Args, class T>
Args arguments(const Layer& layer, LayerData<T>& data) {
  const int pad = layer.kernel / 2;
  Args args{};
  args.window = {layer.kernel, layer.kernel, 1, 1, 1, 1, pad, pad};
  args.in_h = args.in_w = args.out_h = args.out_w = args.row_end = layer.size;
  args.x = data.x.data();
  args.x_stride = layer.in_channels;
  args.y = data.y.data();
  args.y_stride = layer.out_channels;
  if constexpr (LayerData<T>::kIntegers) {
    args.input_zero_point = kInputZeroPoint;
    args.epilogue.requantize = {Rounding::Float, kOutputZeroPoint, -128, 127};
  } else {
    args.epilogue.activation = {Function::Clip, 0.0f, 6.0f};
  }
  if constexpr (requires { args.groups; }) {
    args.groups = 1;
    args.in_channels = layer.in_channels;
    args.out_channels = layer.out_channels;
  } else {
    args.channels = layer.in_channels;
  }
  return args;
}

// `pack` writes `packed_size` elements.
template <class Args, class Weights, class T>
std::function<void()> runner(Args args, const Weights& weights, void (*pack)(const Weights&, T*), int64_t packed_size,
                             int64_t scratch_bytes, void (*kernel)(const Args&)) {
  const auto memory = [](int64_t bytes) { return std::make_shared<AlignedFloats>(static_cast<size_t>(bytes / 4 + 1)); };
  const auto packed = memory(packed_size * static_cast<int64_t>(sizeof(T))), scratch = memory(scratch_bytes);
  T* const elements = reinterpret_cast<T*>(packed->data());
  pack(weights, elements);
  args.packed = elements;
  args.scratch = scratch->data();
  return [args, packed, scratch, kernel] { kernel(args); };
}

const KernelTable* find_table(const char* isa) {
  IsaId id{};
  return *isa == '\0' ? best_table() : find_isa(isa, &id) ? table(id) : nullptr;
}

// Of the layout in LayerData: the steps of an output, an input, and lines and columns of the kernel.
struct Steps {
  ptrdiff_t input, line, column;
  int32_t groups, inputs, outputs;  // the latter per group

  explicit Steps(const Layer& layer)
      : input(layer.out_channels),
        line(ptrdiff_t{layer.kernel} * (layer.depthwise ? 1 : layer.in_channels) * layer.out_channels),
        column(line / layer.kernel),
        groups(layer.depthwise ? layer.out_channels : 1),
        inputs(layer.depthwise ? 1 : layer.in_channels),
        outputs(layer.depthwise ? 1 : layer.out_channels) {}
};

}  // namespace

std::function<void()> prepare(const Layer& layer, LayerData<float>& data, const char* kernels) {
  const KernelTable* const table = find_table(kernels);
  if (table == nullptr) return nullptr;
  const Steps s(layer);
  const ConvWeights weights{data.weights.data(), 1,        s.input,  s.line,    s.column,
                            data.bias.data(),    s.groups, s.inputs, s.outputs, layer.kernel,
                            layer.kernel};
  if (layer.depthwise) {
    const auto args = arguments<DepthwiseArgs>(layer, data);
    return runner(args, weights, pack_depthwise, depthwise_packed_floats(weights),
                  depthwise_scratch_bytes(args.window, args.channels, traits(table->id), sizeof(void*)),
                  table->depthwise_f32);
  }
  const auto args = arguments<Conv2DArgs>(layer, data);
  return runner(args, weights, pack_conv2d, conv2d_packed_floats(weights),
                conv2d_scratch_bytes(args.window, args.in_channels, traits(table->id), sizeof(void*)),
                table->conv2d_f32);
}

std::function<void()> prepare(const Layer& layer, LayerData<int8_t>& data, const char* kernels) {
  const KernelTable* const table = find_table(kernels);
  if (table == nullptr) return nullptr;
  const Steps s(layer);
  std::vector<Factor> factors(data.factors.size());
  for (size_t i = 0; i < factors.size(); ++i) std::memcpy(&factors[i].multiplier, &data.factors[i], sizeof(float));
  const ConvInt8Weights weights{
      data.weights.data(), 1,        s.input,  s.line,    s.column,     data.bias.data(), factors.data(),
      kInputZeroPoint,     s.groups, s.inputs, s.outputs, layer.kernel, layer.kernel};
  if (layer.depthwise) {
    const auto args = arguments<DepthwiseInt8Args>(layer, data);
    return runner(args, weights, pack_depthwise_int8, depthwise_int8_packed_bytes(weights),
                  depthwise_int8_scratch_bytes(args.window, args.channels, sizeof(void*)), table->depthwise_s8);
  }
  const auto args = arguments<Conv2DInt8Args>(layer, data);
  return runner(args, weights, pack_conv2d_int8, conv2d_int8_packed_bytes(weights),
                conv2d_int8_scratch_bytes(args.window, args.in_channels, layer.size, layer.size, traits(table->id),
                                          sizeof(void*)),
                table->conv2d_s8);
}

}  // namespace linnet::bench

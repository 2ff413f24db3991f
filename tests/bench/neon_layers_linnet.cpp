// linnet's side of neon_layers.
#include <memory>

#include "kernels/dispatch.hpp"
#include "kernels/pack.hpp"
#include "tests/bench/neon_layers.hpp"
#include "tests/bench/support.hpp"

namespace linnet::bench {
namespace {

template <class Args>
void fill_arguments(const Layer& layer, LayerData& data, Args& args) {
  const int pad = layer.kernel / 2;
  args.window = {layer.kernel, layer.kernel, 1, 1, 1, 1, pad, pad};
  args.in_h = args.in_w = args.out_h = args.out_w = args.row_end = layer.size;
  args.x = data.x.data();
  args.x_stride = layer.in_channels;
  args.y = data.y.data();
  args.y_stride = layer.out_channels;
  args.epilogue.activation = {kernels::Function::Clip, 0.0f, 6.0f};
}

template <class Args>
std::function<void()> runner(Args args, const std::shared_ptr<AlignedFloats>& packed, int64_t scratch_bytes,
                             void (*kernel)(const Args&)) {
  auto scratch = std::make_shared<AlignedFloats>(static_cast<size_t>(scratch_bytes / 4 + 1));
  args.packed = packed->data();
  args.scratch = scratch->data();
  return [args, packed, scratch, kernel] { kernel(args); };
}

}  // namespace

std::function<void()> prepare(const Layer& layer, LayerData& data, const char* /*kernels*/) {
  using namespace kernels;
  const KernelTable& table = *best_table();
  const ptrdiff_t inputs = layer.depthwise ? 1 : layer.in_channels, outputs = layer.out_channels;
  const ConvWeights weights{data.weights.data(),
                            1,
                            outputs,
                            layer.kernel * inputs * outputs,
                            inputs * outputs,
                            data.bias.data(),
                            layer.depthwise ? layer.out_channels : 1,
                            static_cast<int32_t>(inputs),
                            layer.depthwise ? 1 : layer.out_channels,
                            layer.kernel,
                            layer.kernel};
  if (layer.depthwise) {
    DepthwiseArgs args{};
    fill_arguments(layer, data, args);
    args.channels = layer.in_channels;
    auto packed = std::make_shared<AlignedFloats>(depthwise_packed_floats(weights));
    pack_depthwise(weights, packed->data());
    return runner(args, packed, depthwise_scratch_bytes(args.window, args.channels, traits(table.id), sizeof(void*)),
                  table.depthwise_f32);
  }
  Conv2DArgs args{};
  fill_arguments(layer, data, args);
  args.groups = 1;
  args.in_channels = layer.in_channels;
  args.out_channels = layer.out_channels;
  auto packed = std::make_shared<AlignedFloats>(conv2d_packed_floats(weights));
  pack_conv2d(weights, packed->data());
  return runner(args, packed, conv2d_scratch_bytes(args.window, args.in_channels, traits(table.id), sizeof(void*)),
                table.conv2d_f32);
}

}  // namespace linnet::bench

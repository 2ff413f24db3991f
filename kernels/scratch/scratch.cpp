#include "kernels/conv/plan.hpp"
#include "kernels/conv/plan_int16.hpp"
#include "kernels/conv/plan_int8.hpp"
#include "kernels/conv_transpose/phase.hpp"
#include "kernels/conv_transpose/plan_int16.hpp"
#include "kernels/conv_transpose/plan_int8.hpp"
#include "kernels/kernels.hpp"
#include "kernels/matmul/plan.hpp"
#include "kernels/norm/plan.hpp"
#include "kernels/sparse/plan.hpp"
#include "kernels/winograd/plan.hpp"
#include "schema/features.hpp"

namespace linnet::kernels {
namespace {

// The same, constants where a build has a single instruction set.
constexpr const IsaTraits& known(const IsaTraits& traits) {
#ifdef LINNET_SINGLE_ISA
  return (void)traits, kIsaTraits[static_cast<int>(isa_id<isa::LINNET_SINGLE_ISA>)];
#else
  return traits;
#endif
}

}  // namespace

int64_t conv2d_scratch_bytes(const Window& window, int32_t in_channels, const IsaTraits& traits,
                             int32_t pointer_bytes) {
  return plan_conv2d(window, in_channels, traits, pointer_bytes).scratch_bytes;
}

int64_t winograd2d_scratch_bytes(int32_t tile, int32_t in_channels, int64_t tiles, const IsaTraits& traits) {
  return plan_winograd2d(tile, in_channels, tiles, traits).scratch_bytes;
}

int64_t depthwise_scratch_bytes(const Window&, int32_t, const IsaTraits&, int32_t) {
  return 0;
}

int64_t conv_transpose2d_scratch_bytes(const Window& window, int32_t in_channels, const IsaTraits& traits,
                                       int32_t pointer_bytes) {
  return plan_conv_transpose2d(window, in_channels, traits, pointer_bytes).scratch_bytes;
}

int64_t matmul_scratch_bytes(int32_t m, int32_t n, int32_t k, const IsaTraits& traits) {
  return plan_matmul(m, n, k, traits).scratch_bytes;
}

int64_t group_norm_scratch_bytes(int32_t channels) {
  return plan_group_norm(channels).scratch_bytes;
}

int64_t conv2d_int8_scratch_bytes(const Window& window, int32_t in_channels, int64_t out_lines, int32_t out_w,
                                  const IsaTraits& traits, int32_t pointer_bytes, bool codes) {
  const IsaTraits& isa = known(traits);
  const bool coded = kHasCodes && codes;
  const int64_t direct =
      plan_conv2d_int8(window, in_channels, out_lines, out_w, isa, pointer_bytes, coded).scratch_bytes;
  if (coded || !has_winograd_int8(window, in_channels, isa)) return direct;
  const int64_t winograd = plan_winograd_int8(in_channels, out_lines, out_w).scratch_bytes;
  return winograd > direct ? winograd : direct;
}

int64_t depthwise_int8_scratch_bytes(const Window& window, int32_t channels, int32_t pointer_bytes) {
  return plan_depthwise_int8(window, channels, pointer_bytes).scratch_bytes;
}

int64_t conv_transpose2d_int8_scratch_bytes(const Window& window, int32_t in_channels, int32_t out_w,
                                            const IsaTraits& traits, int32_t pointer_bytes) {
  return plan_conv_transpose2d_int8(window, in_channels, out_w, known(traits), pointer_bytes).scratch_bytes;
}

int64_t gemm_dynamic_scratch_bytes(int32_t k, const IsaTraits& traits) {
  const IsaTraits& isa = known(traits);
  return (int64_t{k} + 63) / 64 * 64 * isa.int8_rows * isa.int8_input_bytes * isa.int8_planes;
}

int64_t matmul_int8_scratch_bytes(int32_t m, int32_t k, const IsaTraits& traits) {
  return plan_matmul_int8(m, k, known(traits)).scratch_bytes;
}

int64_t conv2d_int16_scratch_bytes(const Window& window, int32_t in_channels, const IsaTraits& traits) {
  return plan_conv2d_int16(window, in_channels, traits).scratch_bytes;
}

int64_t conv_transpose2d_int16_scratch_bytes(const Window& window, int32_t in_channels, const IsaTraits& traits) {
  return plan_conv_transpose2d_int16(window, in_channels, traits).scratch_bytes;
}

int64_t depthwise_int16_scratch_bytes(const Window& window, int32_t channels, int32_t pointer_bytes) {
  return plan_depthwise_int16(window, channels, pointer_bytes).scratch_bytes;
}

int64_t sparse_conv2d_scratch_bytes(const Window& window, int32_t in_channels, int32_t out_channels, int32_t block,
                                    int32_t images, int32_t out_h, int32_t out_w, const IsaTraits& traits,
                                    int32_t pointer_bytes) {
  return plan_sparse_conv2d(window, in_channels, out_channels, block, out_h, out_w, int64_t{images} * out_h * out_w,
                            known(traits), pointer_bytes)
      .scratch_bytes;
}

int64_t sparse_conv2d_int8_scratch_bytes(const Window& window, int32_t in_channels, int32_t out_channels,
                                         int64_t pixels, const IsaTraits& traits, int32_t pointer_bytes) {
  return plan_sparse_int8(window, in_channels, out_channels, pixels, known(traits), pointer_bytes).scratch_bytes;
}

}  // namespace linnet::kernels

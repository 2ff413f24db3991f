#include "kernels/conv/plan.hpp"
#include "kernels/conv/plan_int16.hpp"
#include "kernels/conv/plan_int8.hpp"
#include "kernels/conv_transpose/phase.hpp"
#include "kernels/conv_transpose/plan_int16.hpp"
#include "kernels/conv_transpose/plan_int8.hpp"
#include "kernels/kernels.hpp"
#include "kernels/matmul/plan.hpp"
#include "kernels/norm/plan.hpp"
#include "kernels/winograd/plan.hpp"

namespace linnet::kernels {

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

int64_t conv2d_int8_scratch_bytes(const Window& window, int32_t in_channels, const IsaTraits& traits,
                                  int32_t pointer_bytes) {
  return plan_conv2d_int8(window, in_channels, traits, pointer_bytes).scratch_bytes;
}

int64_t depthwise_int8_scratch_bytes(const Window& window, int32_t channels, int32_t pointer_bytes) {
  return plan_depthwise_int8(window, channels, pointer_bytes).scratch_bytes;
}

int64_t conv_transpose2d_int8_scratch_bytes(const Window& window, int32_t in_channels, const IsaTraits& traits,
                                            int32_t pointer_bytes) {
  return plan_conv_transpose2d_int8(window, in_channels, traits, pointer_bytes).scratch_bytes;
}

int64_t matmul_int8_scratch_bytes(int32_t m, int32_t k, const IsaTraits& traits) {
  return plan_matmul_int8(m, k, traits).scratch_bytes;
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

}  // namespace linnet::kernels

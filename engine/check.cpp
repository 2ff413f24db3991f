#include "engine/check.hpp"

#include "engine/int8_weights.hpp"

#include <cfloat>
#include <cstring>

namespace linnet::engine {

bool check_type(const TensorInfo& tensor, fb::DataType type, Error* error) {
  LINNET_REQUIRE(error, tensor.type == type, LINNET_ERROR_SHAPE, tensor.index, static_cast<int64_t>(type),
                 static_cast<int64_t>(tensor.type));
  return true;
}

bool check_float(const StepView& step, Error* error) {
  if (!check_feature(kHasFloat32, StepFeature::Float32, error)) return false;
  for (int32_t i = 0; i < step.input_count; ++i) {
    if (!check_type(step.inputs[i], fb::DataType::Float32, error)) return false;
  }
  for (int32_t i = 0; i < step.output_count; ++i) {
    if (!check_type(step.output_at(i), fb::DataType::Float32, error)) return false;
  }
  return true;
}

bool check_activation(const fb::Activation* activation, Error* error) {
  if (activation == nullptr) return true;
  LINNET_REQUIRE(error, activation->function() <= fb::Function::MAX, LINNET_ERROR_MODEL_CORRUPT, -1,
                 static_cast<int64_t>(fb::Function::MAX), static_cast<int64_t>(activation->function()));
  const int32_t function = static_cast<int32_t>(activation->function());
  return check_feature(kHasFunction[function], FeatureKind::Function, function, error);
}

bool check_feature(bool has, FeatureKind kind, int32_t number, Error* error) {
  LINNET_REQUIRE(error, has, LINNET_ERROR_OPERATOR, -1, static_cast<int64_t>(kind), number);
  return true;
}

bool check_epsilon(float epsilon, Error* error) {
  int32_t bits = 0;
  memcpy(&bits, &epsilon, sizeof(bits));
  LINNET_REQUIRE(error, epsilon >= 0 && epsilon <= FLT_MAX, LINNET_ERROR_SHAPE, -1, 0, bits);
  return true;
}

bool check_same_rows(const TensorInfo& a, const TensorInfo& b, Error* error) {
  LINNET_REQUIRE(error, a.rows == b.rows, LINNET_ERROR_SHAPE, a.index, b.rows, a.rows);
  LINNET_REQUIRE(error, a.columns == b.columns, LINNET_ERROR_SHAPE, a.index, b.columns, a.columns);
  return true;
}

bool check_elementwise(const TensorInfo& a, const TensorInfo& b, Error* error) {
  if (!a.dense() || !b.dense()) return check_same_rows(a, b, error);
  LINNET_REQUIRE(error, a.elements() == b.elements(), LINNET_ERROR_SHAPE, a.index, b.elements(), a.elements());
  return true;
}

bool check_residual(const StepView& step, Error* error, int32_t residual) {
  return step.input_count <= residual || check_same_rows(step.inputs[residual], step.output, error);
}

bool check_elements(const TensorInfo& tensor, int32_t a, int32_t b, int32_t c, Error* error) {
  LINNET_REQUIRE(error, a >= 1, LINNET_ERROR_SHAPE, tensor.index, 1, a);
  LINNET_REQUIRE(error, b >= 1, LINNET_ERROR_SHAPE, tensor.index, 1, b);
  LINNET_REQUIRE(error, c >= 1, LINNET_ERROR_SHAPE, tensor.index, 1, c);
  const int64_t elements = saturating_multiply(saturating_multiply(a, b), c);
  LINNET_REQUIRE(error, elements == tensor.elements(), LINNET_ERROR_SHAPE, tensor.index, elements, tensor.elements());
  return true;
}

bool check_blocks(const TensorInfo& tensor, int64_t block, Error* error) {
  LINNET_REQUIRE(error, tensor.block_stride(block) != 0, LINNET_ERROR_SHAPE, tensor.index, block, tensor.columns);
  return true;
}

bool check_words(const StepView& step, uint32_t index, int64_t count, Error* error) {
  const int64_t bytes = step.model.block_bytes(index);
  const int64_t wanted = saturating_multiply(count, 4);
  LINNET_REQUIRE(error, bytes >= wanted, LINNET_ERROR_RANGE, -1, wanted, bytes);
  return true;
}

bool check_scales(const uint8_t* panel, int32_t n, int64_t k, Error* error) {
  for (int32_t column = 0; column < n;) {
    const int32_t width = n - column > kernels::kTailPanel ? kernels::kPanel : kernels::kTailPanel;
    const float* const scales = reinterpret_cast<const float*>(panel) + width;
    for (int32_t i = 0; i < width && column + i < n; ++i) {
      if (!check_epsilon(scales[i], error)) return false;
    }
    panel += width * (kernels::kFloat32x8Header + k);
    column += width;
  }
  return true;
}

bool check_sections(const StepView& step, uint32_t index, bool int8_weights, int32_t sections, int32_t n, int64_t k,
                    Error* error) {
  if (!kHasInt8Weights || !int8_weights) {
    return check_words(step, index, saturating_multiply(sections, kernels::panel_floats(n, k)), error);
  }
  const int64_t section = kernels::panel_float32x8_bytes(n, k), wanted = saturating_multiply(sections, section);
  const int64_t bytes = step.model.block_bytes(index);
  LINNET_REQUIRE(error, bytes >= wanted, LINNET_ERROR_RANGE, -1, wanted, bytes);
  for (int32_t i = 0; i < sections; ++i) {
    if (!check_scales(step.model.block(index) + i * section, n, k, error)) return false;
  }
  return true;
}

bool check_indices(const StepView& step, uint32_t index, int64_t count, int32_t limit, Error* error) {
  if (!check_words(step, index, count, error)) return false;
  const int32_t* indices = step.model.integers(index);
  for (int64_t i = 0; i < count; ++i) {
    LINNET_REQUIRE(error, indices[i] >= 0 && indices[i] < limit, LINNET_ERROR_RANGE, step.inputs[0].index, limit,
                   indices[i]);
  }
  return true;
}

bool check_dimensions(const Integers* shape, int32_t limit, int64_t* product, Error* error) {
  LINNET_REQUIRE(error, shape == nullptr || shape->size() <= static_cast<uint32_t>(limit), LINNET_ERROR_SHAPE, -1,
                 limit, shape->size());
  *product = 1;
  for (int32_t d = 0; d < length(shape); ++d) {
    const int32_t size = shape->Get(static_cast<uint32_t>(d));
    LINNET_REQUIRE(error, size >= 1, LINNET_ERROR_SHAPE, -1, 1, size);
    *product *= size;
    LINNET_REQUIRE(error, *product <= INT32_MAX, LINNET_ERROR_SHAPE, -1, INT32_MAX, *product);
  }
  return true;
}

bool check_strides(const Integers* shape, const Integers* strides, Error* error) {
  const uint32_t wanted = shape == nullptr ? 0 : shape->size();
  const uint32_t got = strides == nullptr ? 0 : strides->size();
  LINNET_REQUIRE(error, got == wanted, LINNET_ERROR_SHAPE, -1, wanted, got);
  return true;
}

bool check_reach(const TensorInfo& tensor, const Reach& reach, Error* error) {
  LINNET_REQUIRE(error, reach.lowest >= 0, LINNET_ERROR_RANGE, tensor.index, 0, reach.lowest);
  LINNET_REQUIRE(error, reach.highest < tensor.extent(), LINNET_ERROR_RANGE, tensor.index, tensor.extent(),
                 reach.highest);
  return true;
}

bool check_window(const kernels::Window& window, Error* error) {
  const int32_t positive[] = {window.kernel_h, window.kernel_w,   window.stride_h,
                              window.stride_w, window.dilation_h, window.dilation_w};
  for (const int32_t value : positive) LINNET_REQUIRE(error, value >= 1, LINNET_ERROR_SHAPE, -1, 1, value);
  LINNET_REQUIRE(error, window.pad_top >= 0, LINNET_ERROR_SHAPE, -1, 0, window.pad_top);
  LINNET_REQUIRE(error, window.pad_left >= 0, LINNET_ERROR_SHAPE, -1, 0, window.pad_left);
  return true;
}

bool check_image(const TensorInfo& tensor, Error* error) {
  LINNET_REQUIRE(error, tensor.dimensions == 4, LINNET_ERROR_SHAPE, tensor.index, 4, tensor.dimensions);
  return true;
}

bool check_span(int32_t in, int32_t out, int32_t kernel, int32_t stride, int32_t dilation, int64_t pad, Error* error) {
  const int64_t span = window_span(in, out, kernel, stride, dilation, pad);
  LINNET_REQUIRE(error, span < kWindowLimit, LINNET_ERROR_SHAPE, -1, kWindowLimit, span);
  return true;
}

}  // namespace linnet::engine

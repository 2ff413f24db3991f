// About how many operations a run takes, so that fuzz targets leave models alone that are correct but slow.
#pragma once

#include "engine/check.hpp"
#include "engine/session.hpp"

namespace linnet::fuzz {

inline int64_t product(std::initializer_list<int64_t> factors) {
  int64_t result = 1;
  for (const int64_t factor : factors) result = engine::saturating_multiply(result, factor);
  return result;
}

// Operations of a window per output element and input channel. Taps outside the image may be visited too.
inline int64_t taps(const kernels::Window& w) {
  return engine::saturating_multiply(w.kernel_h, w.kernel_w);
}

inline int64_t step_work(const engine::StepView& step) {
  const int64_t x = step.inputs[0].elements(), y = step.output.elements();
  const int64_t x_columns = step.inputs[0].columns, y_columns = step.output.columns;
  switch (step.step.op_type()) {
    case fb::Operator::Conv2D:
      return product({y, taps(engine::window_of(*step.step.op_as_Conv2D())), x_columns});
    case fb::Operator::ScaledConv2D:
      return product({y, taps(engine::window_of(*step.step.op_as_ScaledConv2D())), x_columns});
    case fb::Operator::Winograd2D:
      return product({y + 64 * y_columns, 64, x_columns});
    case fb::Operator::DepthwiseConv2D:
      return product({y, taps(engine::window_of(*step.step.op_as_DepthwiseConv2D()))});
    case fb::Operator::Pool2D: {
      kernels::Window w = engine::window_of(*step.step.op_as_Pool2D());
      w.kernel_h = std::min(w.kernel_h, step.inputs[0].shape[1]);
      w.kernel_w = std::min(w.kernel_w, step.inputs[0].shape[2]);
      return product({y, taps(w)});
    }
    case fb::Operator::ConvTranspose2D: {
      const fb::ConvTranspose2D& conv = *step.step.op_as_ConvTranspose2D();
      const int64_t phases = product({conv.groups(), conv.stride_h(), conv.stride_w()});
      return engine::saturating_add(
          product({y, taps(engine::window_of(conv)), x_columns}),
          product({phases, int64_t{conv.kernel_h()} + conv.kernel_w() + step.output.shape[0] * step.output.shape[1]}));
    }
    case fb::Operator::FullyConnected:
      return product({y, x_columns});
    case fb::Operator::MatMul:
      return product({y, step.step.op_as_MatMul()->k()});
    case fb::Operator::Resample:
      return product({y, step.step.op_as_Resample()->taps()});
    case fb::Operator::Recurrent:
      return product({x + y, 4, x_columns + y_columns, y_columns});
    default:
      return 16 * (x + y);
  }
}

inline int64_t work(const linnet_session& session) {
  int64_t sum = 0;
  for (int32_t i = 0; i < session.model.step_count(); ++i) {
    sum = engine::saturating_add(sum, step_work(engine::view_step(session.model, i)));
  }
  return sum;
}

}  // namespace linnet::fuzz

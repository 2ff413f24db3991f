// Conv2D of one group and FullyConnected with sparse weights (schema/README.md, Sparse layouts).
#pragma once

#include "engine/ops/convolution.hpp"

namespace linnet::engine {

inline bool is_sparse(fb::WeightLayout layout) {
  return layout >= fb::WeightLayout::SparseFloat32 && layout <= fb::WeightLayout::SparseInt8;
}

// After check_geometry().
bool check_sparse_conv2d(const StepView& step, const fb::Conv2D& conv, Error* error);
int64_t sparse_conv2d_scratch_bytes(const StepView& step, const fb::Conv2D& conv, const Target& target);
void run_sparse_conv2d(const StepView& step, const fb::Conv2D& conv, const linnet_session& session);

bool check_sparse_linear(const StepView& step, const fb::FullyConnected& linear, Error* error);
int64_t sparse_linear_scratch_bytes(const StepView& step, const fb::FullyConnected& linear, const Target& target);
void run_sparse_linear(const StepView& step, const fb::FullyConnected& linear, const linnet_session& session);

}  // namespace linnet::engine

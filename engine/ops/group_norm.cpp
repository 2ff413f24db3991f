#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/ops/moments.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

constexpr int64_t kWorkPerElement = 4;  // two passes, in multiply-adds

bool check(const StepView& step, Error* error) {
  const fb::GroupNorm& norm = *step.step.op_as_GroupNorm();
  const TensorInfo& x = step.inputs[0];
  if (!check_float(step, error) || !check_same_rows(x, step.output, error)) return false;
  LINNET_REQUIRE(error, x.dimensions >= 2, LINNET_ERROR_SHAPE, x.index, 2, x.dimensions);
  LINNET_REQUIRE(error, norm.groups() >= 1, LINNET_ERROR_SHAPE, x.index, 1, norm.groups());
  LINNET_REQUIRE(error, x.columns % norm.groups() == 0, LINNET_ERROR_SHAPE, x.index, norm.groups(), x.columns);
  if (step.input_count > 1 && !check_moments(step.inputs[1], x, norm.moment_rows(), error)) return false;
  return check_epsilon(norm.epsilon(), error) && check_words(step, norm.parameters(), int64_t{2} * x.columns, error) &&
         check_activation(norm.activation(), error);
}

int64_t scratch_bytes(const StepView& step, const Target&) {
  return kernels::group_norm_scratch_bytes(step.inputs[0].columns);
}

// Divides the images' lines, so that a thread finds those that it has computed in its own caches.
void run_lines(const linnet_session& session, const StepView& step, const kernels::GroupNormArgs& args) {
  const TensorInfo& x = step.inputs[0];  // an image, which the output need not be
  const int32_t height = x.shape[1], width = x.shape[2];
  const int64_t work = saturating_multiply(int64_t{width} * args.channels, kWorkPerElement);
  parallel(session, x.shape[0] * height, work, [&](int32_t begin, int32_t end, int32_t task) {
    kernels::GroupNormArgs part = args;
    part.scratch = session.slot(task);
    for (int32_t next; begin < end; begin = next) {
      const int32_t image = begin / height, first = image * height;
      next = first + height < end ? first + height : end;
      part.image_begin = image;
      part.image_end = image + 1;
      part.pixel_begin = (begin - first) * width;
      part.pixel_end = (next - first) * width;
      session.kernels->group_norm_f32(part);
    }
  });
}

// Divides the groups, since every one takes a pass over all pixels: blocks of groups of one image, which must keep
// every thread busy.
void run_groups(const linnet_session& session, const StepView& step, const kernels::GroupNormArgs& args) {
  constexpr int32_t kColumns = 64;
  const int32_t size = args.channels / args.groups;
  const int32_t block = size < kColumns ? kColumns / size : 1;
  const int32_t blocks = (args.groups - 1) / block + 1;
  const int64_t work = saturating_multiply(int64_t{args.pixels} * block, int64_t{size} * kWorkPerElement);
  parallel(session, step.inputs[0].shape[0] * blocks, work, [&](int32_t begin, int32_t end, int32_t task) {
    kernels::GroupNormArgs part = args;
    part.scratch = session.slot(task);
    while (begin < end) {
      const int32_t image = begin / blocks;
      const int32_t last = (image + 1) * blocks < end ? (image + 1) * blocks : end;
      const int32_t first_group = (begin - image * blocks) * block;
      const int32_t last_group = last == (image + 1) * blocks ? args.groups : (last - image * blocks) * block;
      const int32_t channel = first_group * size;
      part.image_begin = image;
      part.image_end = image + 1;
      part.groups = last_group - first_group;
      part.channels = part.groups * size;
      part.x = args.x + channel;
      part.scale = args.scale + channel;
      part.shift = args.shift + channel;
      part.y = args.y + channel;
      session.kernels->group_norm_f32(part);
      begin = last;
    }
  });
}

void run(const StepView& step, const linnet_session& session) {
  const fb::GroupNorm& norm = *step.step.op_as_GroupNorm();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  kernels::GroupNormArgs args = {};
  args.pixels = args.pixel_end = x.rows / x.shape[0];
  args.channels = x.columns;
  args.groups = norm.groups();
  args.epsilon = norm.epsilon();
  args.epsilon_outside = norm.epsilon_outside();
  args.x = session.input<float>(x);
  args.x_stride = x.row_stride;
  args.scale = step.model.floats(norm.parameters());
  args.shift = args.scale + x.columns;
  args.y = session.output<float>(y);
  args.y_stride = y.row_stride;
  args.activation = activation_of(norm.activation());
  if (step.input_count == 1) {
    run_groups(session, step, args);
    return;
  }
  args.moments = session.input<float>(step.inputs[1]);
  args.moments_stride = x.columns;
  args.chunk_pixels = norm.moment_rows() * x.shape[2];
  run_lines(session, step, args);
}

}  // namespace

const OperatorEntry kGroupNorm = {1, 2, 0b1, check, scratch_bytes, run};

}  // namespace linnet::engine

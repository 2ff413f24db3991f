#include <cstring>

#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/session.hpp"

namespace linnet::engine {
namespace {

bool check(const StepView& step, Error* error) {
  const fb::Copy& copy = *step.step.op_as_Copy();
  const TensorInfo& x = step.inputs[0];
  const TensorInfo& y = step.output;
  int64_t elements = 1;
  if (!check_type(x, y.type, error) || !check_dimensions(copy.shape(), kernels::kCopyDimensions, &elements, error) ||
      !check_strides(copy.shape(), copy.in_strides(), error) ||
      !check_strides(copy.shape(), copy.out_strides(), error)) {
    return false;
  }
  LINNET_REQUIRE(error, elements <= y.elements(), LINNET_ERROR_SHAPE, y.index, y.elements(), elements);
  Reach in(copy.in_offset());
  in.add(copy.shape(), copy.in_strides());
  Reach out(copy.out_offset());
  out.add(copy.shape(), copy.out_strides());
  return check_reach(x, in, error) && check_reach(y, out, error);
}

void fill(const TensorInfo& y, uint32_t bits, uint8_t* data) {
  for (int32_t row = 0; row < y.rows; ++row, data += static_cast<ptrdiff_t>(y.row_stride) * y.element_bytes) {
    if (y.element_bytes == 1) {
      memset(data, static_cast<int>(bits & 0xff), static_cast<size_t>(y.columns));
    } else if (y.element_bytes == 2) {
      uint16_t* words = reinterpret_cast<uint16_t*>(data);
      for (int32_t i = 0; i < y.columns; ++i) words[i] = static_cast<uint16_t>(bits);
    } else {
      uint32_t* words = reinterpret_cast<uint32_t*>(data);
      for (int32_t i = 0; i < y.columns; ++i) words[i] = bits;
    }
  }
}

// The dimension to split over: the largest, so that there is work for every thread.
int32_t largest_dimension(const kernels::CopyArgs& args) {
  int32_t largest = 0;
  for (int32_t d = 1; d < args.dimensions; ++d) {
    if (args.shape[d] > args.shape[largest]) largest = d;
  }
  return largest;
}

void run(const StepView& step, const linnet_session& session) {
  const fb::Copy& copy = *step.step.op_as_Copy();
  const ptrdiff_t bytes = step.output.element_bytes;
  uint8_t* output = session.output<uint8_t>(step.output);
  if (copy.fill()) fill(step.output, copy.fill_bits(), output);

  kernels::CopyArgs args = {};
  args.element_bytes = step.output.element_bytes;
  args.dimensions = length(copy.shape());
  int32_t elements = 1;
  for (int32_t d = 0; d < args.dimensions; ++d) {
    args.shape[d] = copy.shape()->Get(static_cast<uint32_t>(d));
    args.x_strides[d] = copy.in_strides()->Get(static_cast<uint32_t>(d));
    args.y_strides[d] = copy.out_strides()->Get(static_cast<uint32_t>(d));
    elements *= args.shape[d];
  }
  if (args.dimensions == 0) {
    args.dimensions = 1;
    args.shape[0] = 1;
  }
  const uint8_t* x = session.input<uint8_t>(step.inputs[0]) + copy.in_offset() * bytes;
  uint8_t* y = output + copy.out_offset() * bytes;
  const int32_t split = largest_dimension(args);
  parallel(session, args.shape[split], elements / args.shape[split], [&](int32_t begin, int32_t end, int32_t) {
    kernels::CopyArgs part = args;
    part.shape[split] = end - begin;
    part.x = x + static_cast<ptrdiff_t>(begin) * args.x_strides[split] * bytes;
    part.y = y + static_cast<ptrdiff_t>(begin) * args.y_strides[split] * bytes;
    session.kernels->copy(part);
  });
}

}  // namespace

const OperatorEntry kCopy = {1, 1, 0, check, nullptr, run};

}  // namespace linnet::engine

// What Gather and Resample share: a tensor [outer, in_size, inner] becomes [outer, out_size, inner], each output line a
// function of input lines of the same outer index.
#pragma once

#include "engine/check.hpp"
#include "engine/operators.hpp"
#include "engine/session.hpp"

namespace linnet::engine {

template <class Table>
bool check_lines(const StepView& step, const Table& table, Error* error) {
  return check_elements(step.inputs[0], table.outer(), table.in_size(), table.inner(), error) &&
         check_elements(step.output, table.outer(), table.out_size(), table.inner(), error) &&
         check_blocks(step.inputs[0], static_cast<int64_t>(table.in_size()) * table.inner(), error) &&
         check_blocks(step.output, table.inner(), error);
}

// Calls run(x offset, y offset, first line, lines) for lines of one outer index that lie densely in the output; offsets
// in elements.
template <class Table, class Run>
void parallel_lines(const linnet_session& session, const StepView& step, const Table& table, int64_t work_per_element,
                    const Run& run) {
  const int64_t x_stride = step.inputs[0].block_stride(static_cast<int64_t>(table.in_size()) * table.inner());
  const int64_t y_stride = step.output.block_stride(table.inner());
  const int32_t out_size = table.out_size();
  const bool joined = y_stride == table.inner();
  parallel(session, table.outer() * out_size, table.inner() * work_per_element,
           [&](int32_t begin, int32_t end, int32_t) {
             while (begin < end) {
               const int32_t outer = begin / out_size;
               const int32_t last = (outer + 1) * out_size < end ? (outer + 1) * out_size : end;
               const int32_t next = joined ? last : begin + 1;
               run(outer * x_stride, begin * y_stride, begin - outer * out_size, next - begin);
               begin = next;
             }
           });
}

}  // namespace linnet::engine

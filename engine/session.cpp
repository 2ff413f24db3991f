#include "engine/session.hpp"

namespace linnet::engine {
namespace {

// Work (about one multiply-add a unit) below which a task is not worth another thread: 2^15.
constexpr int kWorkPerTaskLog2 = 15;

// Splits without 64-bit division, whose library function brings the unwinder into firmware.
struct Call {
  const void* body;
  RangeFunction function;
  int32_t share;  // units of every task; the first `longer` tasks have one more
  int32_t longer;
};

int32_t range_begin(const Call& call, int32_t task) {
  return call.share * task + (task < call.longer ? task : call.longer);
}

void run_task(void* argument, int index) {
  const Call& call = *static_cast<const Call*>(argument);
  call.function(call.body, range_begin(call, index), range_begin(call, index + 1), index);
}

}  // namespace

void parallel_ranges(const linnet_session& session, int32_t units, int64_t work_per_unit, const void* body,
                     RangeFunction function) {
  int32_t tasks = session.threads;
  if (tasks > 1) {
    const int64_t worthwhile = saturating_multiply(units, work_per_unit) >> kWorkPerTaskLog2;
    if (tasks > worthwhile) tasks = static_cast<int32_t>(worthwhile);
    if (tasks > units) tasks = units;
  }
  if (tasks <= 1) {
    function(body, 0, units, 0);
    return;
  }
  Call call = {body, function, units / tasks, units % tasks};
  session.parallel_for(session.parallel_context, run_task, &call, tasks);
}

}  // namespace linnet::engine

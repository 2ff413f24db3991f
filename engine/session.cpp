#include "engine/session.hpp"

namespace linnet::engine {
namespace {

// Work (about one multiply-add a unit) below which a task is not worth another thread.
constexpr int64_t kWorkPerTask = 1 << 15;

struct Call {
  const void* body;
  RangeFunction function;
  int64_t units;
  int64_t tasks;
};

void run_task(void* argument, int index) {
  const Call& call = *static_cast<const Call*>(argument);
  call.function(call.body, call.units * index / call.tasks, call.units * (index + 1) / call.tasks, index);
}

}  // namespace

void parallel_ranges(const linnet_session& session, int64_t units, int64_t work_per_unit, const void* body,
                     RangeFunction function) {
  int64_t tasks = session.threads;
  if (tasks > 1) {
    const int64_t worthwhile = saturating_multiply(units, work_per_unit) / kWorkPerTask;
    if (tasks > worthwhile) tasks = worthwhile;
    if (tasks > units) tasks = units;
  }
  if (tasks <= 1) {
    function(body, 0, units, 0);
    return;
  }
  Call call = {body, function, units, tasks};
  session.parallel_for(session.parallel_context, run_task, &call, static_cast<int>(tasks));
}

}  // namespace linnet::engine

// The micro-benchmarks of every kernel family; micro.hpp explains what they print.
#include "kernels/dispatch.hpp"
#include "tests/bench/micro.hpp"

int main(int argc, char** argv) {
  using namespace linnet;
  for (int i = 0; i < kernels::kIsaCount; ++i) {
    const kernels::KernelTable* kernels = kernels::table(static_cast<kernels::IsaId>(i));
    if (kernels == nullptr) continue;
    bench::add_products(*kernels);
    bench::add_convolutions(*kernels);
    bench::add_int8(*kernels);
    bench::add_quantized(*kernels);
    bench::add_elementwise(*kernels);
    bench::add_norms(*kernels);
    bench::add_recurrent(*kernels);
    bench::add_movement(*kernels);
    bench::add_reductions(*kernels);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

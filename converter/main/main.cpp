// linnet: converts, inspects, runs, measures and compares models.
#include "converter/main/commands.hpp"

namespace {

void add_commands(CLI::App& app, linnet::tools::Action* action) {
  linnet::tools::add_convert_command(app, action);
  linnet::tools::add_inspect_command(app, action);
  linnet::tools::add_run_command(app, action);
  linnet::tools::add_bench_command(app, action);
  linnet::tools::add_compare_command(app, action);
  linnet::tools::add_operators_command(app, action);
  app.footer(linnet::tools::footer("`linnet COMMAND --help` explains each command.",
                                   "  linnet convert digits.onnx -o digits.lnt\n"
                                   "  linnet run digits.lnt --input test_images.npy --top 1"));
}

}  // namespace

int main(int argc, char** argv) {
  return linnet::tools::run_tool(
      "linnet",
      "Converts ONNX and TensorFlow Lite models to linnet's format (.lnt) and shows, runs, measures and compares them.",
      add_commands, argc, argv);
}

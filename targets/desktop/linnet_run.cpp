// linnet-run: runs, measures and inspects models with nothing but the engine linked, for boards.
#include "targets/desktop/commands/commands.hpp"

namespace {

void add_commands(CLI::App& app, linnet::tools::Action* action) {
  linnet::tools::add_run_command(app, action);
  linnet::tools::add_bench_command(app, action);
  linnet::tools::add_inspect_command(app, action);
  app.footer(linnet::tools::footer("`linnet-run COMMAND --help` explains each command.",
                                   "  linnet-run run digits.lnt --input test_images.npy --top 1"));
}

}  // namespace

int main(int argc, char** argv) {
  return linnet::tools::run_tool("linnet-run", "Runs, measures and inspects linnet models (.lnt) on this device.",
                                 add_commands, argc, argv);
}

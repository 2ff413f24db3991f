// linnet-run: runs, measures and inspects models with nothing but the engine linked, for boards.
#include "targets/desktop/commands/commands.hpp"

int main(int argc, char** argv) {
  CLI::App app("Runs, measures and inspects linnet models (.lnt) on this device.", "linnet-run");
  app.set_version_flag("--version", linnet_version());
  app.require_subcommand(1);
  linnet::tools::Action action;
  linnet::tools::add_run_command(app, &action);
  linnet::tools::add_bench_command(app, &action);
  linnet::tools::add_inspect_command(app, &action);
  app.footer(linnet::tools::footer("`linnet-run COMMAND --help` explains each command.",
                                   "  linnet-run run digits.lnt --input test_images.npy --top 1"));
  return linnet::tools::run_tool(app, argc, argv, [&] { return action(); });
}

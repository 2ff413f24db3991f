// The subcommands that need only the engine: `linnet` and `linnet-run` have them in common.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "targets/desktop/lib/device.hpp"

namespace linnet::tools {

// Set by the subcommand that was given; run after the command line has been parsed. Returns the exit code.
using Action = std::function<int()>;

void add_run_command(CLI::App& app, Action* action);
void add_bench_command(CLI::App& app, Action* action);
void add_inspect_command(CLI::App& app, Action* action);

// The options of every command that runs a model.
struct SessionArguments {
  std::string model;
  std::string isa;
  int threads = 1;

  DeviceOptions device_options() const;
};
void add_session_arguments(CLI::App* command, SessionArguments* arguments);

// --help's last paragraphs: what a command does in detail, examples and the exit codes.
std::string footer(const std::string& details, const std::string& examples);

// A program of several commands, which `add_commands` adds: parses the command line, runs the action and turns every
// error into one line on standard error and an exit code.
int run_tool(const char* program, const char* description, void (*add_commands)(CLI::App& app, Action* action),
             int argc, char** argv);

}  // namespace linnet::tools

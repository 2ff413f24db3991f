// The subcommands of `linnet` that need the converter.
#pragma once

#include "converter/pipeline.hpp"
#include "targets/desktop/commands/commands.hpp"

namespace linnet::tools {

void add_convert_command(CLI::App& app, Action* action);
void add_compare_command(CLI::App& app, Action* action);
void add_operators_command(CLI::App& app, Action* action);

// As linnet::convert, with the converter's errors as ToolErrors: kFileError where `file` cannot be read, else
// kModelError with every problem of the model on a line of its own. Reads the data set that the options name. Warnings
// go to standard error.
Conversion convert_file(const std::string& file, ConvertOptions options);

}  // namespace linnet::tools

#include "targets/desktop/commands/commands.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "targets/desktop/lib/error.hpp"

namespace linnet::tools {
namespace {

int complain(const std::string& program, const std::string& message, int exit_code) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", program.c_str(), message.c_str());
  return exit_code;
}

// A full disk shows when the buffer is written out.
int flush_output(const std::string& program, int exit_code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  return complain(program, std::string("cannot write to standard output: ") + std::strerror(errno), kFileError);
}

int parse_and_run(CLI::App& app, int argc, char** argv, const Action& action) {
  const std::string program = app.get_name();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version end parsing as well, with success.
    if (error.get_exit_code() == 0) return flush_output(program, app.exit(error));
    return complain(program, std::string(error.what()) + " (see --help)", kUsageError);
  }
  return flush_output(program, action());
}

// Lines of at most 100 characters.
std::string wrapped(const std::string& text) {
  constexpr size_t kWidth = 100;
  std::string result;
  size_t start = 0;
  while (text.size() - start > kWidth) {
    const size_t space = text.rfind(' ', start + kWidth);
    result += text.substr(start, space - start) + "\n";
    start = space + 1;
  }
  return result + text.substr(start);
}

}  // namespace

DeviceOptions SessionArguments::device_options() const {
  DeviceOptions options;
  options.isa = isa;
  options.threads = threads;
  return options;
}

void add_session_arguments(CLI::App* command, SessionArguments* arguments) {
  command->add_option("model", arguments->model, "The model, a .lnt file")->required()->type_name("MODEL");
  command->add_option("--threads", arguments->threads, "Threads, the calling one included; results do not depend on it")
      ->check(CLI::Range(1, 256))
      ->type_name("N")
      ->capture_default_str();
  command
      ->add_option(
          "--isa", arguments->isa,
          "Instruction set: scalar, avx2, avxvnni, avx512, avx512vnni, neon32, neon64 or neon64dot (default: the "
          "environment's LINNET_ISA, else the best that this CPU has)")
      ->type_name("NAME");
}

std::string footer(const std::string& details, const std::string& examples) {
  return wrapped(details) + "\n\nExample:\n" + examples + "\n\n" + wrapped(kExitCodesText);
}

int run_tool(const char* program, const char* description, void (*add_commands)(CLI::App& app, Action* action),
             int argc, char** argv) {
  try {
    CLI::App app(description, program);
    app.set_version_flag("--version", linnet_version());
    app.require_subcommand(1);
    Action action;
    add_commands(app, &action);
    return parse_and_run(app, argc, argv, action);
  } catch (const ToolError& error) {
    return complain(program, error.what(), error.exit_code());
  } catch (const std::bad_alloc&) {
    return complain(program, "out of memory", kModelError);
  } catch (const std::exception& error) {
    return complain(program, error.what(), kModelError);
  }
}

}  // namespace linnet::tools

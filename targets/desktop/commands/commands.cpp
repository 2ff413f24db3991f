#include "targets/desktop/commands/commands.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <numeric>
#include <system_error>

#include "targets/desktop/lib/error.hpp"

namespace linnet::tools {
namespace {

int complain(const std::string& program, const std::string& message, int exit_code) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", program.c_str(), message.c_str());
  return exit_code;
}

int complain_of_output(const std::string& program, int error) {
  return complain(program, std::string("cannot write to standard output: ") + std::strerror(error), kFileError);
}

// A full disk shows when the buffer is written out.
int flush_output(const std::string& program, int exit_code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  return complain_of_output(program, errno);
}

// Where a standard stream is closed, a file of ours would take its number. Writing to what is opened instead fails.
void occupy_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) < 0) (void)::open("/dev/null", O_RDONLY);
  }
}

// Insertions, deletions, changes and swaps of neighbours that make one word of the other.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<size_t>> rows(a.size() + 1, std::vector<size_t>(b.size() + 1));
  std::iota(rows[0].begin(), rows[0].end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    rows[i][0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.size()][b.size()];
}

// ", did you mean 'convert'?", or nothing where no candidate is near.
std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
  const auto distance = [&](const std::string& candidate) { return edit_distance(word, candidate); };
  const auto best = std::min_element(candidates.begin(), candidates.end(),
                                     [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
  if (best == candidates.end() || distance(*best) > std::max<size_t>(1, best->size() / 3)) return "";
  return fmt::format(", did you mean '{}'?", *best);
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

// Without a command: the first word was to be one, or there is none.
std::string command_error(const CLI::App& app, const std::string& word) {
  const std::vector<std::string> names = command_names(app);
  const bool option = word.empty() || word[0] == '-';
  return fmt::format("{}{} (there are {}; see --help)",
                     option ? "a command is missing" : fmt::format("there is no command '{}'", word),
                     option ? "" : suggestion(word, names), fmt::join(names, ", "));
}

// Of a command's line: a missing file, a misspelt option; anything else in CLI11's words.
std::string argument_error(const CLI::App& command, const CLI::ParseError& error) {
  std::vector<std::string> options;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && option->get_positional() &&
        option->get_required() && option->empty()) {
      return option->get_type_name() + " is missing";
    }
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const std::vector<std::string> left = command.remaining();
    if (!left.empty() && left[0].rfind("--", 0) == 0) {
      const std::string word = left[0].substr(0, left[0].find('='));
      return fmt::format("there is no option {}{}", word, suggestion(word, options));
    }
  }
  return error.what();
}

std::string usage_error(const CLI::App& app, int argc, char** argv, const CLI::ParseError& error) {
  if (app.get_subcommands().empty()) return command_error(app, argc > 1 ? argv[1] : "");
  const CLI::App& command = *app.get_subcommands().front();
  return fmt::format("{} (see {} {} --help)", argument_error(command, error), app.get_name(), command.get_name());
}

int parse_and_run(CLI::App& app, int argc, char** argv, const Action& action) {
  const std::string program = app.get_name();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version end parsing as well, with success.
    if (error.get_exit_code() == 0) return flush_output(program, app.exit(error));
    return complain(program, usage_error(app, argc, argv, error), kUsageError);
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
  occupy_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is an error of writing
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
  } catch (const std::system_error& error) {
    if (std::ferror(stdout) != 0) return complain_of_output(program, error.code().value());
    return complain(program, error.what(), kModelError);
  } catch (const std::exception& error) {
    return complain(program, error.what(), kModelError);
  }
}

}  // namespace linnet::tools

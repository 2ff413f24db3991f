#include "tests/bench/contestant.hpp"

#include <fmt/format.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>
#include <vector>

#include "targets/desktop/lib/error.hpp"

namespace linnet::bench {
namespace {

using tools::ToolError;

void answer(const std::string& json) {
  fmt::print("{}\n", json);
  std::fflush(stdout);
}

int64_t nanoseconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return int64_t{1000000000} * time.tv_sec + time.tv_nsec;
}

clockid_t chosen_clock() {
  const char* name = std::getenv("LINNET_BENCH_CLOCK");
  return name != nullptr && std::string(name) == "cpu" ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
}

int64_t timed_run(Contestant& contestant, clockid_t clock) {
  contestant.fill();
  const int64_t start = nanoseconds(clock);
  contestant.run();
  return nanoseconds(clock) - start;
}

std::vector<int64_t> measure(Contestant& contestant, double seconds, size_t runs) {
  const clockid_t clock = chosen_clock();
  timed_run(contestant, clock);
  std::vector<int64_t> times;
  const int64_t end = nanoseconds(CLOCK_MONOTONIC) + static_cast<int64_t>(seconds * 1e9);
  while (times.size() < runs || nanoseconds(CLOCK_MONOTONIC) < end) times.push_back(timed_run(contestant, clock));
  return times;
}

void obey(Contestant& contestant, const std::string& line) {
  std::istringstream words(line);
  std::string command, path;
  double seconds = 0;
  size_t runs = 0;
  words >> command;
  if (command == "output" && words >> path) {
    contestant.fill();
    contestant.run();
    contestant.write_output(path);
    answer(R"({"ok": true})");
  } else if (command == "run" && words >> seconds >> runs) {
    answer(fmt::format(R"({{"nanoseconds": [{}]}})", fmt::join(measure(contestant, seconds, runs), ", ")));
  } else {
    throw ToolError(tools::kUsageError, "unknown command: " + line);
  }
}

}  // namespace

int serve(const std::function<std::unique_ptr<Contestant>()>& make) {
  try {
    const std::unique_ptr<Contestant> contestant = make();
    answer(fmt::format(R"({{"ready": true, {}}})", contestant->facts()));
    for (std::string line; std::getline(std::cin, line);) obey(*contestant, line);
  } catch (const std::exception& error) {
    std::string text = error.what();
    for (char& c : text) c = c == '"' || c == '\\' || c == '\n' ? ' ' : c;
    answer(fmt::format(R"({{"error": "{}"}})", text));
    const auto* tool_error = dynamic_cast<const ToolError*>(&error);
    return tool_error != nullptr ? tool_error->exit_code() : tools::kModelError;
  }
  return tools::kOk;
}

}  // namespace linnet::bench

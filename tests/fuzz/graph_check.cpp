// Converts graphs in every mode and runs them on every instruction set, with one to three threads, against the outputs
// beside them (tests/fuzz/graphs makes both). Usage: graph_check FOLDER NAME...
//
// Prints a line "begin NAME" before every graph, behind it one "KIND MODE: TEXT" for every fault, where KIND is
//   error     the conversion ended with this problem
//   pass      so, because a pass changed the result
//   refused   the engine does not take the converted model, or wants another arena than it says
//   mismatch  an output differs from the one that is expected: "output N differs by RELATIVE: ..."
//   threads   another number of threads gives other bits
// and at last "end". A process that ends without it has crashed on the last graph.

#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include "converter/pipeline.hpp"
#include "engine/linnet.h"
#include "tests/golden/case.hpp"
#include "tests/golden/isas.hpp"
#include "tests/golden/view.hpp"

namespace linnet::fuzz {
namespace {

constexpr double kTolerance = 2e-5;  // relative to the largest element of the output, as of whole networks

struct Mode {
  const char* name;
  plan::CascadeMode cascades;
  bool keep_layout, strict;
  int winograd;       // negative: the cost model's choice
  double factor = 1;  // of the tolerance
  bool check_passes = false;
};
constexpr Mode kModes[] = {
    {"strict", plan::CascadeMode::off, false, true, 0, 1, true},
    {"memory,keep-layout", plan::CascadeMode::memory, true, false, -1, 3},
    {"speed,winograd=2", plan::CascadeMode::speed, false, true, 2},
    {"memory,winograd=4", plan::CascadeMode::memory, false, false, 4, 3},
    {"keep-layout,winograd=6", plan::CascadeMode::off, true, false, 6, 12},
};

void report(const char* kind, const Mode& mode, const std::string& text) {
  std::printf("%s %s: %s\n", kind, mode.name, text.substr(0, text.find('\n')).c_str());
}

// Bytes at an aligned address with bytes of a known value behind them.
class Block {
 public:
  Block(size_t size, unsigned char content)
      : size_(size), data_(static_cast<unsigned char*>(::operator new(size + kGuard, kAlignment))) {
    std::memset(data_, content, size);
    std::memset(data_ + size, kGuardByte, kGuard);
  }
  ~Block() { ::operator delete(data_, kAlignment); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  unsigned char* data() { return data_; }
  bool guard_intact() const {
    for (size_t i = 0; i < kGuard; ++i)
      if (data_[size_ + i] != kGuardByte) return false;
    return true;
  }

 private:
  static constexpr size_t kGuard = 256;
  static constexpr unsigned char kGuardByte = 0xa5;
  static constexpr std::align_val_t kAlignment{LINNET_ALIGNMENT};
  size_t size_;
  unsigned char* data_;
};

// The parts of a step one after the other, the last first: one that needs what an earlier one leaves is always seen.
void backwards(void*, linnet_task task, void* argument, int count) {
  for (int i = count; i-- > 0;) task(argument, i);
}

struct Output {
  std::vector<int64_t> shape;
  std::vector<double> elements;
};
using Outputs = std::vector<Output>;

class Run {
 public:
  Run(const golden::Case& expected, const Mode& mode, const emit::ModelBytes& model)
      : expected_(expected), mode_(mode), size_(model.size()), model_(model.size(), 0) {
    std::memcpy(model_.data(), model.data(), model.size());
  }

  void on_every_isa() {
    for (const char* isa : golden::kIsas) {
      Outputs one;
      for (int threads = 1; threads <= 3; ++threads) {
        Outputs outputs;
        if (!on(isa, threads, &outputs)) break;
        if (threads == 1) {
          compare(isa, outputs);
          one = std::move(outputs);
        } else if (!same_bits(one, outputs)) {
          report("threads", mode_, std::string(isa) + ": " + std::to_string(threads) + " threads differ from one");
        }
      }
    }
  }

 private:
  const golden::Case& expected_;
  const Mode& mode_;
  size_t size_;
  Block model_;

  bool refused(const char* isa, const linnet_error_detail& error) const {
    report("refused", mode_,
           std::string(isa) + ": " + linnet_status_text(error.status) + ", step " + std::to_string(error.step) +
               ", tensor " + std::to_string(error.tensor) + ", wanted " + std::to_string(error.wanted) + ", got " +
               std::to_string(error.got) + ", check " + std::to_string(error.check));
    return false;
  }

  bool on(const char* isa, int threads, Outputs* outputs) {
    linnet_error_detail error = LINNET_ERROR_DETAIL_INIT;
    linnet_options options = LINNET_OPTIONS_INIT;
    options.isa = isa;
    options.threads = threads;
    options.parallel_for = backwards;
    options.error = &error;
    linnet_model_info info = LINNET_MODEL_INFO_INIT;
    const linnet_status status = linnet_get_model_info(&options, model_.data(), size_, &info);
    if (status == LINNET_ERROR_ISA) return false;
    if (status != LINNET_OK) return refused(isa, error);
    Block arena(info.arena_bytes, 0xff);  // NaN, so that a step that reads what no step wrote is seen
    linnet_session* session = nullptr;
    if (threads == 3 && linnet_init(&options, model_.data(), size_, arena.data(), info.arena_bytes - 1, &session) !=
                            LINNET_ERROR_ARENA_SIZE) {
      report("refused", mode_, "an arena of one byte less is taken");
      return false;
    }
    if (linnet_init(&options, model_.data(), size_, arena.data(), info.arena_bytes, &session) != LINNET_OK)
      return refused(isa, error);
    if (static_cast<size_t>(info.inputs) != expected_.inputs.size() ||
        static_cast<size_t>(info.outputs) != expected_.outputs.size()) {
      report("mismatch", mode_,
             "output 0 differs by inf: the model has " + std::to_string(info.inputs) + " inputs and " +
                 std::to_string(info.outputs) + " outputs");
      return false;
    }
    linnet_tensor_view view = LINNET_TENSOR_VIEW_INIT;
    for (int i = 0; i < info.inputs; ++i) {
      linnet_input(session, i, &view);
      golden::fill(view, expected_.inputs[static_cast<size_t>(i)], "input " + std::to_string(i));
    }
    linnet_run(session);
    for (int i = 0; i < info.outputs; ++i) {
      linnet_output(session, i, &view);
      outputs->push_back({golden::source_shape(view), golden::read(view)});
    }
    if (!arena.guard_intact()) report("refused", mode_, std::string(isa) + ": wrote past the end of the arena");
    return true;
  }

  void compare(const char* isa, const Outputs& outputs) const {
    for (size_t i = 0; i < outputs.size(); ++i) {
      const golden::Difference difference =
          golden::compare(outputs[i].elements, outputs[i].shape, expected_.outputs[i]);
      if (difference.relative <= kTolerance * mode_.factor) continue;
      char relative[32];
      std::snprintf(relative, sizeof relative, "%.3e", difference.relative / mode_.factor);
      report("mismatch", mode_,
             "output " + std::to_string(i) + " differs by " + relative + ": " + isa + " " + difference.message);
    }
  }

  static bool same_bits(const Outputs& a, const Outputs& b) {
    for (size_t i = 0; i < a.size(); ++i) {
      const auto &x = a[i].elements, &y = b[i].elements;
      if (std::memcmp(x.data(), y.data(), x.size() * sizeof(double)) != 0) return false;
    }
    return true;
  }
};

bool has_winograd(const Conversion& conversion) {
  for (const report::StepSummary& step : conversion.report.steps)
    if (step.op == "Winograd2D") return true;
  return false;
}

void check(const std::filesystem::path& folder, const std::string& name) {
  const golden::Case expected = golden::read_case(folder, name);
  bool winograd = false;
  for (const Mode& mode : kModes) {
    if (mode.winograd == 6 && !winograd) continue;  // another mode is the same but for that
    ConvertOptions options;
    options.cascades = mode.cascades;
    options.keep_layout = mode.keep_layout;
    options.strict = mode.strict;
    options.check_passes = mode.check_passes;
    options.strip_names = true;
    if (mode.winograd >= 0) options.winograd = mode.winograd;
    try {
      const Conversion conversion = convert(folder / (name + ".onnx"), options);
      winograd = winograd || has_winograd(conversion);
      Run(expected, mode, conversion.model).on_every_isa();
    } catch (const ir::Problems& problems) {
      for (const std::string& problem : problems.list()) report("error", mode, problem);
      return;
    } catch (const std::exception& error) {
      report(std::strncmp(error.what(), "pass ", 5) == 0 ? "pass" : "error", mode, error.what());
    }
  }
}

}  // namespace
}  // namespace linnet::fuzz

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: %s FOLDER NAME...\n", argv[0]), 2;
  for (int i = 2; i < argc; ++i) {
    std::printf("begin %s\n", argv[i]);
    std::fflush(stdout);
    linnet::fuzz::check(argv[1], argv[i]);
  }
  std::printf("end\n");
}

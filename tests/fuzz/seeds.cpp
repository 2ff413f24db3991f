// Writes the seeds of the targets that read models: one model of every operator, dense and sliced, and what the
// converter makes of small networks. Usage: fuzz_seeds MODELS-FOLDER OUTPUT-FOLDER
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>

#include "converter/pipeline.hpp"
#include "tests/api/networks.hpp"

namespace linnet::fuzz {
namespace {

constexpr size_t kLargestSeed = 16384;

class Writer {
 public:
  explicit Writer(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void write(const std::string& name, const void* bytes, size_t size) {
    const std::string_view text(static_cast<const char*>(bytes), size);
    if (size > kLargestSeed || !seen_.emplace(text).second) return;
    std::ofstream(folder_ / (name + ".lnt"), std::ios::binary) << text;
  }
  size_t count() const { return seen_.size(); }

 private:
  std::filesystem::path folder_;
  std::set<std::string> seen_;
};

void write_conversions(const std::filesystem::path& models, const char* folder, Writer* writer) {
  for (const auto& entry : std::filesystem::directory_iterator(models / folder)) {
    if (entry.path().extension() != ".onnx" || entry.file_size() > kLargestSeed) continue;
    for (const auto cascades : {plan::CascadeMode::off, plan::CascadeMode::memory}) {
      ConvertOptions options;
      options.cascades = cascades;
      options.winograd = cascades == plan::CascadeMode::off ? 4 : 0;
      const Conversion conversion = convert(entry.path(), options);
      writer->write(folder + ("_" + entry.path().stem().string()) + (options.winograd == 0 ? ".cascade" : ""),
                    conversion.model.data(), conversion.model.size());
    }
  }
}

}  // namespace
}  // namespace linnet::fuzz

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: %s MODELS-FOLDER OUTPUT-FOLDER\n", argv[0]), 2;
  using namespace linnet;
  std::filesystem::create_directories(argv[2]);
  fuzz::Writer writer(argv[2]);
  const test::Bytes network = test::small_network();
  writer.write("small_network", network.data(), network.size());
  for (const bool newest_first : {false, true}) {
    const test::Bytes ring = test::ring_buffer({5, 2, 3, newest_first}, test::random_floats(15, 1));
    writer.write(newest_first ? "ring_newest_first" : "ring", ring.data(), ring.size());
  }
  for (const test::OperatorModel& model : test::operator_models()) {
    for (const int32_t gap : {0, 1}) {
      const test::Bytes bytes = test::operator_model(model, gap);
      writer.write("operator_" + model.name + (gap == 0 ? "" : "_sliced"), bytes.data(), bytes.size());
    }
  }
  fuzz::write_conversions(argv[1], "ops", &writer);
  fuzz::write_conversions(argv[1], "norms", &writer);
  std::printf("%zu seeds\n", writer.count());
}

// Treatments of weights beside numpy's (treatments.txt, by make_treatments.py), and clusters beside the best there are.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "converter/treat/treat.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using treat::Layer;
using treat::Matrix;

// As in make_treatments.py.
Matrix numbered(const Layer& layer) {
  Matrix weights(layer.rows, layer.columns());
  for (int64_t i = 0; i < weights.size(); ++i)
    weights.data()[i] = (static_cast<double>((i * 7919 + 13) % 1009) - 504.3) / 512;
  return weights;
}

treat::Treatment treatment_of(const std::string& option, const std::string& text) {
  treat::Treatment treatment;
  if (option == "--sparsify") treatment.sparsify = treat::parse_sparsify(text).treatment;
  if (option == "--weights") treatment.grid = treat::parse_weights(text).treatment->grid;
  if (option == "--clip") treatment.clip = treat::parse_clip(text).treatment;
  if (option == "--cluster") treatment.cluster = treat::parse_cluster(text).treatment;
  return treatment;
}

TEST(Treat, WeightsAreThoseOfNumpy) {
  std::ifstream file(LINNET_TREATMENTS);
  int cases = 0;
  for (std::string header, numbers; std::getline(file, header) && std::getline(file, numbers); ++cases) {
    SCOPED_TRACE(header);
    std::istringstream words(header), expected(numbers);
    Layer layer;
    char x = 0;
    std::string option, text;
    words >> layer.rows >> x >> layer.inputs >> x >> layer.taps >> x >> layer.groups >> option >> text;
    const treat::Treatment treatment = treatment_of(option, text);
    Matrix weights = numbered(layer);
    std::vector<uint8_t> kept;
    if (treatment.sparsify) kept = treat::kept_weights(layer, weights, *treatment.sparsify);
    const treat::WeightSet set = treat::apply(layer, treatment, std::move(kept), nullptr, &weights);
    EXPECT_TRUE(set.holds(weights));
    for (int64_t i = 0; i < weights.size(); ++i) {
      double wanted = 0;
      ASSERT_TRUE(expected >> wanted);
      ASSERT_NEAR(weights.data()[i], wanted, 1e-7) << "weight " << i;
      if (treatment.sparsify) {
        ASSERT_EQ(weights.data()[i] == 0, wanted == 0) << "weight " << i;
      }
    }
  }
  EXPECT_GT(cases, 100);
}

// The least squared error of so many clusters, by dynamic programming over the sorted weights.
double least_error(std::vector<double> numbers, size_t clusters) {
  std::sort(numbers.begin(), numbers.end());
  const size_t n = numbers.size();
  const auto error = [&](size_t begin, size_t end) {
    double sum = 0, squares = 0;
    for (size_t i = begin; i < end; ++i) {
      sum += numbers[i];
      squares += numbers[i] * numbers[i];
    }
    return squares - sum * sum / static_cast<double>(end - begin);
  };
  std::vector<double> best(n + 1, std::numeric_limits<double>::infinity());
  best[0] = 0;
  for (size_t c = 0; c < clusters; ++c) {
    std::vector<double> next(n + 1, std::numeric_limits<double>::infinity());
    for (size_t end = 1; end <= n; ++end)
      for (size_t begin = 0; begin < end; ++begin)
        if (std::isfinite(best[begin])) next[end] = std::min(next[end], best[begin] + error(begin, end));
    best = next;
  }
  return best[n];
}

TEST(Treat, ClustersAreNearlyTheBest) {
  for (const std::string text : {"16", "16,per=16", "256"}) {
    SCOPED_TRACE(text);
    const Layer layer{nullptr, 1, 20, 6, 1, 1, false};
    Matrix weights = numbered(layer);
    for (int64_t i = 0; i < weights.size(); ++i) weights.data()[i] = std::pow(weights.data()[i], 3);
    const Matrix before = weights;
    const treat::WeightSet set = treat::apply(layer, treatment_of("--cluster", text), {}, nullptr, &weights);
    EXPECT_TRUE(set.holds(weights));
    double least = 0;
    const int64_t step = text == "16,per=16" ? 16 : 20;
    for (int64_t row = 0; row < 20; row += step) {
      const Matrix part = before.middleRows(row, std::min(step, 20 - row)), now = weights.middleRows(row, part.rows());
      const std::set<double> different(now.data(), now.data() + now.size());
      EXPECT_LE(different.size(), text == "256" ? 256u : 16u);
      least += least_error({part.data(), part.data() + part.size()}, text == "256" ? 256 : 16);
    }
    EXPECT_LE((weights - before).squaredNorm(), 1.5 * least + 1e-12);
  }
}

TEST(Treat, ClustersFollowTheInputsEnergy) {
  const Layer layer{nullptr, 1, 16, 8, 1, 1, false};
  const Matrix weights = numbered(layer);
  Matrix energies = Matrix::Ones(16, 8), plain = weights, weighted = weights;
  energies.col(3).setConstant(1000);
  const treat::Treatment treatment = treatment_of("--cluster", "16");
  treat::apply(layer, treatment, {}, nullptr, &plain);
  treat::apply(layer, treatment, {}, &energies, &weighted);
  EXPECT_LT((weighted - weights).col(3).squaredNorm(), 0.5 * (plain - weights).col(3).squaredNorm());
}

TEST(Treat, ClippingComesBeforeZerosBeforeAGrid) {
  const Layer layer{nullptr, 1, 6, 12, 1, 1, false};
  treat::Treatment treatment = treatment_of("--sparsify", "50%");
  treatment.clip = treat::parse_clip("0.5").treatment;
  treatment.grid = treat::parse_weights("bits=2,scheme=symmetric,group=tensor").treatment->grid;
  Matrix weights = numbered(layer);
  treat::apply(layer, treatment, treat::kept_weights(layer, weights, *treatment.sparsify), nullptr, &weights);
  std::map<double, int> counts;
  for (int64_t i = 0; i < weights.size(); ++i) ++counts[weights.data()[i]];
  EXPECT_EQ(counts.size(), 3u);
  EXPECT_EQ(counts.begin()->first, -0.5);
  EXPECT_EQ(counts.rbegin()->first, 0.5);
  EXPECT_EQ(counts[0], 36);
}

// A layer's weights as a matrix and back, by the operator's own evaluation: column tap * inputs + input of a row is
// what multiplies that input at that tap.
TEST(Treat, LayersAreMatricesOfTapsAndInputs) {
  for (const bool transposed : {false, true}) {
    for (const int64_t groups : {1, 2, 6}) {
      SCOPED_TRACE(fmt::format("{} groups {}", transposed ? "transposed" : "convolution", groups));
      GraphBuilder b;
      Value* x = b.input({1, 6, 3, 4});
      if (transposed) {
        ops::ConvTranspose op;
        op.strides = op.dilations = {1, 1};
        op.pads_begin = op.pads_end = op.output_padding = {0, 0};
        op.groups = groups;
        b.output(b.add(op, {x, b.random({6, 12 / groups, 3, 4})}));
      } else {
        ops::Conv op;
        op.strides = op.dilations = {1, 1};
        op.pads_begin = op.pads_end = {0, 0};
        op.groups = groups;
        b.output(b.add(op, {x, b.random({12, 6 / groups, 3, 4})}));
      }
      const std::vector<Layer> layers = treat::find_layers(b.graph);
      ASSERT_EQ(layers.size(), 1u);
      const Layer& layer = layers[0];
      const Matrix weights = layer.read();
      ASSERT_EQ(layer.rows, 12);
      ASSERT_EQ(layer.columns(), 6 / groups * 12);
      for (int64_t in = 0; in < 6; ++in)
        for (int64_t pixel = 0; pixel < 12; ++pixel) {
          std::vector<double> one(72, 0.0);
          one[static_cast<size_t>(in * 12 + pixel)] = 1;
          const Array y = evaluate(b.graph, {Array::of_doubles({1, 6, 3, 4}, one)})[0];
          const int64_t width = y.shape()[3], size = y.shape()[2] * width;
          for (int64_t row = 0; row < 12; ++row) {
            if (row / (12 / groups) != in / (6 / groups)) continue;
            // The whole window of a convolution is its one output pixel; of a transposed one a pixel makes a window.
            for (int64_t tap = 0; tap < (transposed ? 12 : 1); ++tap) {
              const int64_t at = transposed ? (pixel / 4 + tap / 4) * width + pixel % 4 + tap % 4 : 0;
              const int64_t column = (transposed ? tap : pixel) * layer.inputs + in % layer.inputs;
              ASSERT_EQ(y.number(static_cast<size_t>(row * size + at)), weights(row, column));
            }
          }
        }
      Matrix changed = weights;
      changed(5, 1) = 7;
      layer.write(b.graph, changed);
      EXPECT_EQ(treat::find_layers(b.graph)[0].read(), changed);
    }
  }
}

struct Text {
  const char *option, *text, *message;
};

TEST(Treat, RefusesOtherTexts) {
  const Text texts[] = {{"--clip", "0", "expected"},           {"--clip", "-1", "expected"},
                        {"--clip", "nan", "expected"},         {"--clip", "percentile=101", "at most 100"},
                        {"--clip", "percentile=0", "above 0"}, {"--clip", "percentile=", "expected"},
                        {"--clip", ":mse", "expected"},        {"--clip", "conv:", "expected"},
                        {"--sparsify", "80", "expected"},      {"--sparsify", "101%", "from 0 to 100"},
                        {"--sparsify", "-1%", "from 0 to"},    {"--sparsify", "tau=-1", "expected"},
                        {"--sparsify", "tau=x", "expected"},   {"--sparsify", "80%,block=5", "expected"},
                        {"--sparsify", "2:4,block=4", "expe"}, {"--sparsify", "80%,element,block=4", "expected"},
                        {"--sparsify", "", "expected"},        {"--sparsify", "tau=1,scope=all", "expected"},
                        {"--sparsify", "80%,", "expected"},    {"--weights", "bits=1", "2 to 8 bits"},
                        {"--weights", "bits=9", "2 to 8"},     {"--weights", "bits=3,scheme=max", "expected"},
                        {"--weights", "int3", "expected"},     {"--weights", "bits=3,group=16", "expected"},
                        {"--weights", "bits=3.5", "expected"}, {"--weights", "bits=3,group=32,group=32", "expected"},
                        {"--cluster", "17", "expected"},       {"--cluster", "16,per=8", "expected"},
                        {"--cluster", "", "expected"},         {"--cluster", "16,per=16,per=16", "expected"}};
  for (const Text& text : texts) {
    SCOPED_TRACE(fmt::format("{} {}", text.option, text.text));
    try {
      if (text.option == std::string("--weights"))
        treat::parse_weights(text.text);
      else
        treatment_of(text.option, text.text);
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(text.message), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find(fmt::format("{} {}: ", text.option, text.text)), 0u) << error.what();
    }
  }
}

TEST(Treat, GlobsStandBeforeTheLastColon) {
  EXPECT_EQ(treat::parse_sparsify("a:0*:80%").glob, "a:0*");
  EXPECT_EQ(treat::parse_sparsify("conv*:2:4").glob, "conv*");
  EXPECT_EQ(treat::parse_sparsify("2:4").glob, "");
  EXPECT_EQ(treat::parse_clip("fc2:4").glob, "fc2");
  EXPECT_EQ(treat::parse_clip("fc2:4").treatment->number, 4);
  EXPECT_FALSE(treat::parse_cluster("fc:none").treatment.has_value());
}

}  // namespace
}  // namespace linnet::test

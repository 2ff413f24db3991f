// Repaired weights by what makes them the best ones: derivatives of the network's squared error, taken by evaluating
// the whole network in double with one weight changed.
#include <algorithm>
#include <cmath>
#include <random>

#include "converter/pipeline.hpp"
#include "converter/treat/refit.hpp"
#include "converter/treat/select.hpp"
#include "tests/passes/support.hpp"

namespace linnet::test {
namespace {

using treat::Layer;
using treat::Matrix;

std::vector<quantize::Sample> samples_of(const Shape& shape, int count) {
  std::minstd_rand generator(5);
  std::vector<quantize::Sample> samples;
  for (int s = 0; s < count; ++s) {
    std::vector<double> numbers(static_cast<size_t>(element_count(shape)));
    double walk = 0;  // so that neighbours are alike
    for (double& number : numbers) {
      walk = 0.6 * walk + 2.0 * generator() / std::minstd_rand::max() - 1;
      number = static_cast<float>(walk + 0.3);
    }
    samples.push_back({Array::of_doubles(shape, numbers)});
  }
  return samples;
}

class Network {
 public:
  // Treats the network that the options leave before int8.
  Network(const GraphBuilder& b, const Shape& shape, int count, treat::Options options) {
    ConvertOptions convert_options;
    convert_options.keep_layout = true;
    convert_options.stop_after = "fuse";
    float_ = convert(b.graph.clone(), convert_options).graph;
    options.repair.emplace(options.repair.value_or(treat::Repair())).samples = samples_of(shape, count);
    samples_ = options.repair->samples;
    treated_ = float_->clone();
    passes::PassLog log;
    result_ = treat::treat(
        *treated_, options, nullptr, [](double) {}, log);
    layers_ = treat::find_layers(*treated_);
  }

  Graph& graph() { return *treated_; }
  const treat::Treated& result() const { return result_; }
  const std::vector<Layer>& layers() const { return layers_; }
  Matrix weights(size_t layer) const { return layers_[layer].read(); }
  Matrix float_weights(size_t layer) const { return treat::find_layers(*float_)[layer].read(); }
  const treat::WeightSet& set(size_t layer) const {
    return result_.sets.at({layers_[layer].node->out().name, layers_[layer].input});
  }

  // Half of the squared error of an output's position, in the mean over samples, positions of rows(0) each.
  double loss() const {
    double sum = 0, count = 0;
    for (const quantize::Sample& sample : samples_) {
      const Array wanted = evaluate(*float_, sample)[0], got = evaluate(*treated_, sample)[0];
      for (size_t i = 0; i < wanted.size(); ++i) sum += std::pow(wanted.number(i) - got.number(i), 2);
      count += static_cast<double>(wanted.size()) / static_cast<double>(layers_.back().rows);
    }
    return sum / count / 2;
  }

  // Of the loss, which is quadratic in the last layer's weights.
  double derivative(int64_t row, int64_t column) {
    return difference([&](double step) {
      Matrix changed = weights(layers_.size() - 1);
      changed(row, column) += step;
      layers_.back().write(*treated_, changed);
    });
  }
  double bias_derivative(int64_t row) {
    return difference([&](double step) {
      const Value& bias = layers_.back().node->in(2);
      std::vector<double> numbers = bias.constant->doubles();
      numbers[static_cast<size_t>(row)] += step;
      treated_->set_input(layers_.back().node, 2,
                          treated_->add_constant("bias", Array::of_doubles(bias.shape(), numbers)));
    });
  }

 private:
  std::unique_ptr<Graph> float_, treated_;
  std::vector<quantize::Sample> samples_;
  treat::Treated result_;
  std::vector<Layer> layers_;

  template <class Change>
  double difference(Change&& change) {
    constexpr double kStep = 0.25;
    change(kStep);
    const double above = loss();
    change(-2 * kStep);
    const double below = loss();
    change(kStep);
    return (above - below) / (2 * kStep);
  }
};

// What stays at a fixed mask is the ridge regression's minimum: the derivative of every weight is the pull of the
// float weight, with one strength for all of a group, and the bias's is 0.
void expect_regression(Network& network) {
  const size_t last = network.layers().size() - 1;
  const Layer& layer = network.layers()[last];
  const Matrix weights = network.weights(last), real = network.float_weights(last);
  const int64_t outputs = layer.rows / layer.groups;
  for (int64_t group = 0; group < layer.groups; ++group) {
    double products = 0, squares = 0;
    std::vector<std::pair<double, double>> pairs;
    for (int64_t row = group * outputs; row < (group + 1) * outputs; ++row) {
      EXPECT_NEAR(network.bias_derivative(row), 0, 1e-4) << "bias " << row;
      for (int64_t column = 0; column < layer.columns(); ++column) {
        if (weights(row, column) == 0) continue;
        pairs.emplace_back(network.derivative(row, column), real(row, column) - weights(row, column));
        products += pairs.back().first * pairs.back().second;
        squares += pairs.back().second * pairs.back().second;
      }
    }
    const double pull = squares > 0 ? products / squares : 0;
    EXPECT_GE(pull, 0);
    EXPECT_LT(pull, 0.2);
    for (const auto& [slope, distance] : pairs) EXPECT_NEAR(slope, pull * distance, 1e-4) << "group " << group;
  }
}

treat::Options thresholds(const std::string& text = "tau=0.5") {
  treat::Options options;
  options.sparsify = {treat::parse_sparsify(text)};
  return options;
}

TEST(Repair, LinearLayersBehindTreatedOnes) {
  GraphBuilder b;
  b.output(b.linear(b.unary(Function::Relu, b.linear(b.input({1, 6}), 9)), 4));
  Network network(b, {1, 6}, 60, thresholds());
  expect_regression(network);
  for (size_t i = 0; i < 2; ++i)
    EXPECT_LT(network.result().report.layers[i].error_after, network.result().report.layers[i].error_before);
}

TEST(Repair, Convolutions) {
  for (const auto& [channels, outputs, kernel, pad, stride, groups] :
       {std::tuple{3, 4, 3, 1, 1, 1}, {4, 6, 3, 0, 2, 2}, {5, 5, 3, 1, 2, 5}, {6, 3, 1, 0, 1, 1}}) {
    SCOPED_TRACE(fmt::format("{} to {} kernel {} stride {} groups {}", channels, outputs, kernel, stride, groups));
    GraphBuilder b;
    b.output(b.conv(b.input({1, channels, 7, 6}), outputs, kernel, pad, stride, groups));
    Network network(b, {1, channels, 7, 6}, 12, thresholds());
    expect_regression(network);
  }
}

TEST(Repair, TransposedConvolutions) {
  for (const int64_t groups : {1, 2}) {
    GraphBuilder b;
    ops::ConvTranspose op;
    op.strides = {2, 1};
    op.dilations = {1, 2};
    op.pads_begin = op.pads_end = {1, 0};
    op.output_padding = {1, 0};
    op.groups = groups;
    b.output(b.add(op, {b.input({1, 4, 5, 4}), b.random({4, 6 / groups, 3, 2}), b.random({6})}));
    Network network(b, {1, 4, 5, 4}, 12, thresholds());
    expect_regression(network);
  }
}

// The layer makes up for what the treated branch lacks.
TEST(Repair, ResidualsAreMadeUpFor) {
  GraphBuilder b;
  Value* x = b.input({1, 4, 6, 6});
  Value* branch = b.conv(x, 4, 3, 1);
  b.output(b.plus(b.conv(b.unary(Function::Relu, branch), 4, 1), branch));
  Network network(b, {1, 4, 6, 6}, 20, thresholds());
  ASSERT_EQ(network.layers().size(), 2u);
  ASSERT_TRUE(network.layers()[1].node->has(3)) << "no residual was fused";
  expect_regression(network);
}

TEST(Repair, WeightDecayShrinksWeights) {
  double before = 1e30;
  for (const double decay : {0.01, 0.1, 1.0, 10.0}) {
    GraphBuilder b;
    b.output(b.linear(b.input({1, 6}), 3));
    treat::Options options;
    options.repair.emplace().options.weight_decay = decay;
    Network network(b, {1, 6}, 40, options);
    const Matrix weights = network.weights(0), real = network.float_weights(0);
    const Matrix gap = real - weights;
    EXPECT_LT(weights.norm(), before);
    before = weights.norm();
    // dL/dw + lambda w = pull (float w - w), where 3% of the mean variance pull.
    double products = 0, squares = 0;
    for (int64_t i = 0; i < weights.size(); ++i) {
      const double slope = network.derivative(i / 6, i % 6) + decay * weights.data()[i];
      products += slope * gap.data()[i];
      squares += std::pow(gap.data()[i], 2);
    }
    for (int64_t i = 0; i < weights.size(); ++i)
      EXPECT_NEAR(network.derivative(i / 6, i % 6) + decay * weights.data()[i], products / squares * gap.data()[i],
                  1e-4);
  }
}

// Every kind of recurrent layer: closer than without repair, zeros where they were, by the evaluated network.
TEST(Repair, RecurrentLayers) {
  for (const auto kind : {kernels::RecurrentKind::Rnn, kernels::RecurrentKind::Lstm, kernels::RecurrentKind::Gru}) {
    for (const bool flag : {false, true}) {
      SCOPED_TRACE(fmt::format("kind {} flag {}", static_cast<int>(kind), flag));
      GraphBuilder b;
      ops::Recurrent op;
      op.kind = kind;
      op.linear_before_reset = flag && kind == kernels::RecurrentKind::Gru;
      op.reverse = flag;
      b.output(b.recurrent(op, b.input({10, 1, 5}), 6));
      treat::Options options = thresholds("tau=0.4");
      Network repaired(b, {10, 1, 5}, 20, options);
      ASSERT_EQ(repaired.layers().size(), 2u);
      for (size_t i = 0; i < 2; ++i) {
        const report::TreatedLayer& row = repaired.result().report.layers[i];
        EXPECT_LT(row.error_after, row.error_before) << row.layer;
        EXPECT_EQ(row.repair, "least squares");
        const Matrix weights = repaired.weights(i), real = repaired.float_weights(i);
        for (int64_t e = 0; e < weights.size(); ++e) EXPECT_EQ(weights.data()[e] == 0, std::abs(real.data()[e]) < 0.4);
      }
      const double loss = repaired.loss();
      for (size_t i = 0; i < 2; ++i) {
        Matrix plain = repaired.float_weights(i);
        plain = (plain.array().abs() < 0.4).select(0, plain);
        repaired.layers()[i].write(repaired.graph(), plain);
      }
      EXPECT_LT(loss, 0.9 * repaired.loss());
    }
  }
}

TEST(Repair, GridsAndCodebooksComeCloser) {
  for (const std::string text : {"bits=2", "bits=2,scheme=symmetric,group=tensor", "bits=3,group=32",
                                 "bits=3,scheme=symmetric,group=32", "bits=4,group=tensor", "16", "16,per=16"}) {
    SCOPED_TRACE(text);
    GraphBuilder b;
    b.output(b.conv(b.input({1, 6, 8, 8}), 20, 3));
    treat::Options options;
    if (text.starts_with("bits"))
      options.weights = {treat::parse_weights(text)};
    else
      options.cluster = {treat::parse_cluster(text)};
    options.sparsify = {treat::parse_sparsify("tau=0.2")};
    Network network(b, {1, 6, 8, 8}, 10, options);
    const report::TreatedLayer& row = network.result().report.layers[0];
    EXPECT_LT(row.error_after, 0.8 * row.error_before);
    const treat::WeightSet& set = network.set(0);
    const Matrix weights = network.weights(0), real = network.float_weights(0);
    EXPECT_TRUE(set.holds(weights));
    for (int64_t e = 0; e < weights.size(); ++e)
      if (std::abs(real.data()[e]) < 0.2) {
        EXPECT_EQ(weights.data()[e], 0);
      }
    for (const int16_t code : set.codes) EXPECT_TRUE(code >= set.levels->first && code <= set.levels->last);
  }
}

TEST(Repair, ClippedWeightsStayClipped) {
  GraphBuilder b;
  b.output(b.linear(b.input({1, 8}), 5));
  treat::Options options;
  options.clip = {treat::parse_clip("0.5")};
  Network network(b, {1, 8}, 50, options);
  const Matrix weights = network.weights(0);
  EXPECT_LE(weights.cwiseAbs().maxCoeff(), 0.5);
  for (int64_t i = 0; i < weights.size(); ++i) {
    // Where a weight lies at the limit, the error would fall beyond it.
    const double slope = network.derivative(i / 8, i % 8), weight = weights.data()[i];
    if (std::abs(weight) == 0.5) {
      EXPECT_LT(slope * weight, 1e-2);
    }
  }
  EXPECT_LT(network.result().report.layers[0].error_after, network.result().report.layers[0].error_before);
}

TEST(Repair, FewSamplesTakeGradientSteps) {
  for (const std::string text : {"tau=0.5", "bits=3", "16"}) {
    SCOPED_TRACE(text);
    GraphBuilder b;
    b.output(b.linear(b.input({1, 40}), 6));
    treat::Options options;
    if (text == "16") options.cluster = {treat::parse_cluster(text)};
    if (text == "bits=3") options.weights = {treat::parse_weights(text)};
    if (text == "tau=0.5") options.sparsify = {treat::parse_sparsify(text)};
    Network network(b, {1, 40}, 5, options);
    const report::TreatedLayer& row = network.result().report.layers[0];
    EXPECT_NE(row.repair.find("200 gradient steps: 5 positions for "), std::string::npos) << row.repair;
    EXPECT_LT(row.error_after, 0.5 * row.error_before);
    EXPECT_TRUE(network.set(0).holds(network.weights(0)));
  }
}

// Naive double.
double value(const treat::Quadratic& problem, const Matrix& weights) {
  double sum = 0;
  for (int64_t row = 0; row < problem.rows; ++row)
    for (int64_t a = 0; a < weights.cols(); ++a) {
      sum -= weights(row, a) * problem.linear(row, a);
      for (int64_t c = 0; c < weights.cols(); ++c) sum += weights(row, a) * problem.hessian(a, c) * weights(row, c) / 2;
    }
  return sum;
}

treat::Quadratic random_problem(int64_t rows, int64_t columns) {
  std::srand(3);
  const Matrix x = Matrix::Random(4 * columns, columns);
  return {0, rows, x.transpose() * x, 5 * Matrix::Random(rows, columns)};
}

TEST(Repair, NoOtherCodeAndNoOtherStepIsBetter) {
  for (const std::string text : {"bits=3,group=channel", "bits=2,group=32", "bits=3,scheme=symmetric,group=tensor"}) {
    SCOPED_TRACE(text);
    const Layer layer{nullptr, 1, 3, 40, 1, 1, false};
    const treat::Quadratic problem = random_problem(3, 40);
    Matrix weights = Matrix::Random(3, 40);
    treat::WeightSet set;
    set.levels = treat::grid_levels(layer, weights, {}, treat::parse_weights(text).treatment->grid);
    set.codes = treat::codes_of(weights, *set.levels);
    weights = set.values(3, 40);
    const double start = value(problem, weights);
    treat::descend({problem}, layer, set, &weights);
    const double descended = value(problem, weights);
    EXPECT_LT(descended, start);
    for (int64_t row = 0; row < 3; ++row)
      for (int64_t column = 0; column < 40; ++column)
        for (int code = set.levels->first; code <= set.levels->last; ++code) {
          Matrix other = weights;
          other(row, column) = set.levels->value(set.levels->group(row, column), code);
          EXPECT_GE(value(problem, other), descended - 1e-9);
        }
    set.codes = treat::codes_of(weights, *set.levels);
    treat::refit_levels({problem}, layer, &set);
    const double fitted = value(problem, set.values(3, 40));
    EXPECT_LE(fitted, descended);
    for (auto* numbers : {&set.levels->steps, &set.levels->offsets})
      for (double& number : *numbers) {
        if (numbers == &set.levels->offsets && set.levels->first < 0) continue;
        for (const double factor : {0.999, 1.001}) {
          const double kept = number;
          number = number * factor;
          EXPECT_GE(value(problem, set.values(3, 40)), fitted - 1e-5 * std::abs(fitted));
          number = kept;
        }
      }
  }
}

// Of two inputs that are equal one suffices, whatever its weight's magnitude; beside magnitudes the loss is smaller.
TEST(Repair, ZerosGoWhereTheyCostLeast) {
  const Layer layer{nullptr, 1, 4, 8, 1, 1, false};
  treat::Quadratic problem = random_problem(4, 8);
  std::vector<uint8_t> kept(32, 0);
  std::fill(kept.begin(), kept.begin() + 16, 1);
  for (const treat::Pattern pattern : {treat::Pattern::element, treat::Pattern::block_4, treat::Pattern::block_4x1}) {
    const auto selected = treat::select_weights({problem}, layer, pattern, kept);
    ASSERT_TRUE(selected.has_value());
    EXPECT_EQ(std::count(selected->begin(), selected->end(), 1), 16);
    for (const treat::Block& block : treat::blocks_of(layer, Matrix::Ones(4, 8), pattern))
      for (const int64_t weight : block.weights) EXPECT_EQ((*selected)[weight], (*selected)[block.weights[0]]);
  }
  const auto two = treat::select_weights({problem}, layer, treat::Pattern::two_of_four, kept);
  for (size_t first = 0; first < 32; first += 4)
    EXPECT_EQ(std::count(two->begin() + first, two->begin() + first + 4, 1), 2);
  // One row, one weight to remove: the one without which the exhaustive minimum is least.
  const Layer row{nullptr, 1, 1, 6, 1, 1, false};
  problem = random_problem(1, 6);
  std::vector<uint8_t> five(6, 1);
  five[0] = 0;
  const auto selected = treat::select_weights({problem}, row, treat::Pattern::element, five);
  size_t best = 0;
  double least = 1e30;
  for (size_t out = 0; out < 6; ++out) {
    Matrix w = Matrix::Zero(1, 6);
    for (int sweep = 0; sweep < 3000; ++sweep)
      for (int64_t c = 0; c < 6; ++c)
        if (static_cast<size_t>(c) != out)
          w(0, c) -= ((problem.hessian.row(c) * w.transpose())(0) - problem.linear(0, c)) / problem.hessian(c, c);
    if (value(problem, w) < least) {
      least = value(problem, w);
      best = out;
    }
  }
  EXPECT_EQ((*selected)[best], 0);
}

}  // namespace
}  // namespace linnet::test

#include "converter/treat/evidence.hpp"

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>

#include <fmt/format.h>

#include "converter/ops/recurrent.hpp"
#include "converter/treat/patches.hpp"
#include "converter/treat/states.hpp"

namespace linnet::treat {

using namespace ir;

namespace {

// What the tensors of a graph hold in the last run.
class Tensors {
 public:
  explicit Tensors(const Graph& graph)
      : engine_(graph.clone(),
                [this](const quantize::SeenTensor& seen) { seen_[std::string(seen.name)] = seen.numbers; }) {}

  void run(const quantize::Sample& sample) {
    seen_.clear();
    engine_.run(sample);
  }
  // Of the graph that was given. Views, which no step gives, are evaluated.
  Array of(const Value& value) const {
    if (value.constant) return *value.constant;
    if (const auto found = seen_.find(value.name); found != seen_.end())
      return Array::of_floats(value.shape(), found->second);
    if (value.producer == nullptr) throw Error(fmt::format("--repair: tensor {} is not seen", value.name));
    std::vector<Array> arrays;
    std::vector<const Array*> inputs;
    arrays.reserve(value.producer->inputs.size());
    for (const Value* input : value.producer->inputs) {
      if (input != nullptr) arrays.push_back(of(*input));
      inputs.push_back(input != nullptr ? &arrays.back() : nullptr);
    }
    return value.producer->op->evaluate(inputs)[value.output_index];
  }

 private:
  std::unordered_map<std::string, std::vector<float>> seen_;
  quantize::EngineRun engine_;
};

Node* node_like(const Graph& graph, const Node& other) {
  for (const auto& node : graph.nodes())
    if (node->out().name == other.out().name) return node.get();
  throw Error(fmt::format("layer {} is not in the float network", other.name));
}

// Positions of one sample, the same in every run.
class Picker {
 public:
  Picker(int64_t samples, int64_t positions, int64_t columns) : positions_(positions) {
    constexpr int64_t kLeast = 10000;
    part_ =
        std::min(1.0, static_cast<double>(std::max(kLeast, 4 * columns)) / static_cast<double>(samples * positions));
  }
  std::vector<int64_t> pick() {
    std::vector<int64_t> picked;
    for (int64_t p = 0; p < positions_; ++p)
      if (part_ == 1 || static_cast<double>(random_()) < part_ * static_cast<double>(std::mt19937::max()))
        picked.push_back(p);
    return picked;
  }

 private:
  std::mt19937 random_{1};
  int64_t positions_;
  double part_;
};

}  // namespace

void Evidence::add(const Matrix& x, const Matrix& t) {
  if (count == 0) {
    if (x.cols() <= kMostColumns) gram = Matrix::Zero(x.cols(), x.cols());
    if (x.cols() <= kMostColumns) cross = Matrix::Zero(t.cols(), x.cols());
    mean_x = Vector::Zero(x.cols());
    mean_t = variance = Vector::Zero(t.cols());
  }
  count += x.rows();
  if (x.cols() <= kMostColumns) gram.noalias() += x.transpose() * x;
  if (x.cols() <= kMostColumns) cross.noalias() += t.transpose() * x;
  mean_x += x.colwise().sum().transpose();
  mean_t += t.colwise().sum().transpose();
  variance += t.colwise().squaredNorm().transpose();
}

void Evidence::finish() {
  const auto n = static_cast<double>(std::max<int64_t>(count, 1));
  for (Vector* sums : {&mean_x, &mean_t, &variance}) *sums /= n;
  if (gram.size() > 0) gram = gram / n - mean_x * mean_x.transpose();
  if (cross.size() > 0) cross = cross / n - mean_t * mean_x.transpose();
  variance = (variance - mean_t.cwiseAbs2()).cwiseMax(0.0);
}

std::vector<Evidence> Gatherer::gather(const Graph& treated, const Layer& layer) const {
  Layer real_layer = layer;
  real_layer.node = node_like(*real_, *layer.node);
  const Matrix weights = real_layer.read();
  Tensors real(*real_), now(treated);
  const auto by_name = [](const Tensors& tensors) {
    return [&tensors](const Value& value) { return tensors.of(value); };
  };
  const std::vector<RowRange> ranges = row_ranges(layer);
  std::vector<Evidence> all(ranges.size());
  const Patches patches(layer);
  std::optional<Picker> picker;
  for (const quantize::Sample& sample : samples_) {
    real.run(sample);
    now.run(sample);
    const Readings before = readings(real_layer, by_name(real)),
                   after = layer.input == ops::Recurrent::kRecurrentWeights && is_recurrent(layer)
                               ? before
                               : readings(layer, by_name(now));
    if (!picker) picker.emplace(static_cast<int64_t>(samples_.size()), patches.positions(before.x[0]), layer.columns());
    const std::vector<int64_t> picked = picker->pick();
    for (size_t g = 0; g < ranges.size(); ++g) {
      const auto& [first, rows, channels] = ranges[g];
      const Matrix x = patches.of(after.x[g % after.x.size()], channels, picked);
      Matrix t =
          patches.of(before.x[g % before.x.size()], channels, picked) * weights.middleRows(first, rows).transpose();
      if (before.residual)
        t += patches.outputs(*before.residual, first, rows, picked) -
             patches.outputs(*after.residual, first, rows, picked);
      all[g].first_row = first;
      all[g].rows = rows;
      all[g].add(x, t);
    }
  }
  for (Evidence& evidence : all) evidence.finish();
  return all;
}

}  // namespace linnet::treat

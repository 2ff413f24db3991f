#include "converter/weights/initialize.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "converter/ops/batch_norm.hpp"
#include "converter/ops/elementwise.hpp"
#include "converter/ops/recurrent.hpp"
#include "converter/weights/layers.hpp"

namespace linnet::weights {

using namespace ir;
using Scheme = Initialization::Scheme;

namespace {

constexpr std::pair<std::string_view, Scheme> kSchemes[] = {
    {"he_normal", Scheme::he_normal},
    {"he_uniform", Scheme::he_uniform},
    {"xavier_normal", Scheme::xavier_normal},
    {"xavier_uniform", Scheme::xavier_uniform},
};

double unit(std::mt19937_64& generator) {
  return std::ldexp(static_cast<double>(generator() >> 11), -53);
}

// Natural logarithm of a positive number by the series of 2 atanh((m - 1) / (m + 1)), m in [1/2, 1); libraries differ
// in the last bit.
double logarithm(double x) {
  constexpr double kLn2 = 0.693147180559945309417;
  int exponent = 0;
  const double m = std::frexp(x, &exponent), z = (m - 1) / (m + 1);
  double sum = 0;
  for (int k = 31; k >= 1; k -= 2) sum = sum * z * z + 1.0 / k;
  return 2 * z * sum + exponent * kLn2;
}

// Marsaglia's polar method: two independent normal numbers.
std::pair<double, double> normal_pair(std::mt19937_64& generator) {
  for (;;) {
    const double u = 2 * unit(generator) - 1, v = 2 * unit(generator) - 1, s = u * u + v * v;
    if (s >= 1 || s == 0) continue;
    const double factor = std::sqrt(-2 * logarithm(s) / s);
    return {u * factor, v * factor};
  }
}

constexpr size_t kScale = 1;  // of a batch normalization

bool multiplies(const Use& use) {
  const auto* binary = use.node->as<ops::Binary>();
  return binary != nullptr &&
         (binary->function == kernels::BinaryFunction::Mul || binary->function == kernels::BinaryFunction::Div);
}

class Initializer {
 public:
  Initializer(Graph& graph, const Initialization& options, passes::PassLog& log)
      : graph_(graph), options_(options), log_(log), generator_(options.seed) {}

  void run(const std::unordered_set<std::string>& placeholders) {
    for (const LayerWeight& weight : find_weights(graph_)) initialize_weight(*weight.source, fans(*weight.layer));
    for (const auto& node : graph_.nodes()) {
      if (is_layer(*node)) {
        if (node->has(kBias)) fill(*node, kBias, 0);
      } else if (node->as<ops::Recurrent>() != nullptr) {
        initialize_recurrent(*node);
      } else if (node->as<ops::BatchNorm>() != nullptr && !is_static(node->inputs[0])) {
        constexpr double kParameters[] = {1, 0, 0, 1};
        for (size_t i = 0; i < std::size(kParameters); ++i) fill(*node, i + 1, kParameters[i]);
        log_.add("{}: scale 1, shift 0, mean 0, variance 1", node->name);
      } else {
        clear_added_bias(*node);
      }
    }
    fill_placeholders(placeholders);
    remove_unused_constants(graph_);
  }

 private:
  Graph& graph_;
  const Initialization& options_;
  passes::PassLog& log_;
  std::mt19937_64 generator_;
  std::unordered_set<const Value*> done_;

  void initialize_recurrent(Node& layer) {
    for (const RecurrentMatrix& matrix : recurrent_matrices(layer))
      for (Value* source : matrix.sources) initialize_weight(*source, matrix.fans);
    if (layer.has(ops::Recurrent::kBias)) fill(layer, ops::Recurrent::kBias, 0);
  }

  void initialize_weight(Value& source, const Fans& layer_fans) {
    if (!done_.insert(&source).second) return;
    const auto [in, out] = layer_fans;
    const bool he = options_.scheme == Scheme::he_normal || options_.scheme == Scheme::he_uniform;
    const bool uniform = options_.scheme == Scheme::he_uniform || options_.scheme == Scheme::xavier_uniform;
    const double variance = 2.0 / static_cast<double>(he ? in : in + out);
    source.constant = Array::of_doubles(
        source.shape(), random_weights(source.constant->size(), variance, uniform, generator_), source.type.dtype);
    log_.add("{} ({}): variance {:.4g} from fan-in {} and fan-out {}", source.name, to_string(source.shape()), variance,
             in, out);
  }

  // Where the input is absent, as the statistics of a batch normalization may be, it has the shape of the scale.
  void fill(Node& node, size_t index, double number) {
    const Value& old = node.in(node.has(index) ? index : kScale);
    std::vector<double> values(static_cast<size_t>(element_count(old.shape())), number);
    graph_.set_input(&node, index,
                     graph_.add_constant(old.name, Array::of_doubles(old.shape(), std::move(values), old.type.dtype)));
  }

  // Exporters write the bias of a product as an addition behind it.
  void clear_added_bias(Node& node) {
    const auto* binary = node.as<ops::Binary>();
    if (binary == nullptr || binary->function != kernels::BinaryFunction::Add) return;
    for (size_t i = 0; i < 2; ++i) {
      const Node* producer = node.in(1 - i).producer;
      if (producer != nullptr && is_layer(*producer) && is_static(node.inputs[i])) fill(node, i, 0);
    }
  }

  void fill_placeholders(const std::unordered_set<std::string>& placeholders) {
    for (const auto& value : graph_.values()) {
      if (!value->constant || placeholders.count(value->name) == 0 || done_.count(value.get()) != 0) continue;
      const bool factor = std::any_of(value->uses.begin(), value->uses.end(), multiplies);
      std::vector<double> values(value->constant->size(), factor ? 1 : 0);
      value->constant = Array::of_doubles(value->shape(), std::move(values), value->type.dtype);
      if (!value->uses.empty()) log_.add("{} ({}) becomes {}", value->name, to_string(value->shape()), factor ? 1 : 0);
    }
  }
};

}  // namespace

std::string_view name(Scheme scheme) {
  return std::find_if(std::begin(kSchemes), std::end(kSchemes), [&](const auto& row) { return row.second == scheme; })
      ->first;
}

Scheme parse_scheme(std::string_view text) {
  if (text == "he") return Scheme::he_normal;
  if (text == "xavier") return Scheme::xavier_normal;
  for (const auto& [name, scheme] : kSchemes)
    if (name == text) return scheme;
  throw Error(fmt::format(
      "--init {}: supported are he, xavier, he_normal, he_uniform, xavier_normal and xavier_uniform", text));
}

std::vector<double> random_weights(size_t count, double variance, bool uniform, std::mt19937_64& generator) {
  std::vector<double> values;
  values.reserve(count + 1);
  const double deviation = std::sqrt(variance), bound = std::sqrt(3 * variance);
  while (values.size() < count) {
    if (uniform) {
      values.push_back(static_cast<float>(bound * (2 * unit(generator) - 1)));
    } else {
      const auto [first, second] = normal_pair(generator);
      values.push_back(static_cast<float>(deviation * first));
      values.push_back(static_cast<float>(deviation * second));
    }
  }
  values.resize(count);
  return values;
}

void initialize(Graph& graph, const Initialization& options, const std::unordered_set<std::string>& placeholders,
                passes::PassLog& log) {
  Initializer(graph, options, log).run(placeholders);
}

}  // namespace linnet::weights

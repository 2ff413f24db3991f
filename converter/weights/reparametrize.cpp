#include "converter/weights/reparametrize.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <unordered_map>

#include "converter/import/constants.hpp"
#include "converter/weights/initialize.hpp"
#include "converter/weights/layers.hpp"

namespace linnet::weights {

using namespace ir;
using Kind = Reparametrization::Kind;

namespace {

constexpr std::string_view kForms =
    "NAME=standardize(eps=1e-5,unbiased,eps_outside), NAME=weight_norm(dim=0) and NAME=spectral_norm(iterations=10)";

// Rows of a matrix: which row every weight belongs to.
struct Rows {
  std::vector<size_t> of;
  size_t count;
  std::vector<double> sums(const std::vector<double>& values) const {
    std::vector<double> result(count);
    for (size_t i = 0; i < values.size(); ++i) result[of[i]] += values[i];
    return result;
  }
};

Rows rows_of(std::vector<size_t> of) {
  const size_t count = of.empty() ? 0 : *std::max_element(of.begin(), of.end()) + 1;
  return {std::move(of), count};
}

std::vector<double> standardized(std::vector<double> weights, const Rows& channels, const Reparametrization& how) {
  const double count = static_cast<double>(weights.size()) / static_cast<double>(channels.count);
  const double divisor = count - (how.unbiased ? 1 : 0);
  if (divisor < 1)
    throw Error(fmt::format("has {} weight per output channel, an unbiased variance needs 2", static_cast<int>(count)));
  const std::vector<double> sums = channels.sums(weights);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] -= sums[channels.of[i]] / count;
  std::vector<double> squares = weights;
  for (double& square : squares) square *= square;
  const std::vector<double> energy = channels.sums(squares);
  for (size_t i = 0; i < weights.size(); ++i) {
    const double variance = energy[channels.of[i]] / divisor;
    const double root = how.eps_outside ? std::sqrt(variance) + how.eps : std::sqrt(variance + how.eps);
    if (root == 0) throw Error("has an output channel of equal weights, whose standard deviation is 0, and eps is 0");
    weights[i] /= root;
  }
  return weights;
}

std::vector<double> weight_normalized(std::vector<double> weights, const Shape& shape, int64_t dim) {
  const auto rank = static_cast<int64_t>(shape.size());
  if (dim < -1 || dim >= rank)
    throw Error(fmt::format("has rank {}, which has no dimension {} for weight_norm", rank, dim));
  std::vector<size_t> of(weights.size());
  if (dim >= 0) {
    const auto inner = static_cast<size_t>(element_count({shape.begin() + dim + 1, shape.end()}));
    for (size_t i = 0; i < of.size(); ++i) of[i] = i / inner % static_cast<size_t>(shape[static_cast<size_t>(dim)]);
  }
  const Rows rows = rows_of(std::move(of));
  std::vector<double> squares = weights;
  for (double& square : squares) square *= square;
  const std::vector<double> energy = rows.sums(squares);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (energy[rows.of[i]] == 0) throw Error("has a norm of 0");
    weights[i] /= std::sqrt(energy[rows.of[i]]);
  }
  return weights;
}

double normalize(std::vector<double>& vector) {
  double energy = 0;
  for (const double v : vector) energy += v * v;
  const double norm = std::sqrt(energy);
  if (norm == 0) throw Error("has a largest singular value of 0");
  for (double& v : vector) v /= norm;
  return norm;
}

// Estimates grow towards the largest singular value.
double largest_singular_value(const std::vector<double>& weights, const Rows& rows, int64_t iterations) {
  constexpr int64_t kMostIterations = 100'000;
  constexpr double kConverged = 1e-14;
  std::vector<size_t> column(weights.size()), filled(rows.count);
  for (size_t i = 0; i < weights.size(); ++i) column[i] = filled[rows.of[i]]++;
  std::mt19937_64 generator(0);
  std::vector<double> u = random_weights(rows.count, 1, false, generator), v;
  normalize(u);
  double sigma = 0;
  for (int64_t round = 0; round < (iterations > 0 ? iterations : kMostIterations); ++round) {
    v.assign(weights.size() / rows.count, 0);
    for (size_t i = 0; i < weights.size(); ++i) v[column[i]] += weights[i] * u[rows.of[i]];
    normalize(v);
    u.assign(rows.count, 0);
    for (size_t i = 0; i < weights.size(); ++i) u[rows.of[i]] += weights[i] * v[column[i]];
    const double estimate = normalize(u);
    const bool converged = std::abs(estimate - sigma) <= kConverged * estimate;
    sigma = estimate;
    if (iterations == 0 && converged) break;
  }
  return sigma;
}

template <class T>
T number(std::string_view text, std::string_view whole) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < (std::is_same_v<T, double> ? T(0) : T(-1)))
    throw Error(fmt::format("--reparam {}: '{}' is no number that is supported there", whole, text));
  return value;
}

void read_argument(std::string_view argument, std::string_view whole, Reparametrization& result) {
  const size_t equals = argument.find('=');
  const std::string_view key = argument.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : argument.substr(equals + 1);
  const bool flag = equals == std::string_view::npos;
  if (result.kind == Kind::standardize && key == "eps" && !flag)
    result.eps = number<double>(value, whole);
  else if (result.kind == Kind::standardize && key == "unbiased" && flag)
    result.unbiased = true;
  else if (result.kind == Kind::standardize && key == "eps_outside" && flag)
    result.eps_outside = true;
  else if (result.kind == Kind::weight_norm && key == "dim" && !flag)
    result.dim = number<int64_t>(value, whole);
  else if (result.kind == Kind::spectral_norm && key == "iterations" && !flag &&
           (result.iterations = number<int64_t>(value, whole)) >= 0)
    return;
  else
    throw Error(fmt::format("--reparam {}: no argument '{}' there; supported are {}", whole, argument, kForms));
}

std::vector<const LayerWeight*> matching(const Graph& graph, const std::vector<LayerWeight>& weights,
                                         const Reparametrization& how) {
  std::vector<const LayerWeight*> result;
  std::set<std::string> names;
  for (const LayerWeight& weight : weights) {
    names.insert(weight.source->name);
    if (matches(how.glob, weight.source->name)) result.push_back(&weight);
  }
  if (!result.empty()) return result;
  for (const auto& value : graph.values())
    if (value->constant && matches(how.glob, value->name))
      throw Error(
          fmt::format("--reparam {}: '{}' has shape {} and is no layer's weights (rank 2 and more); those are: {}",
                      to_string(how), value->name, ir::to_string(value->shape()), fmt::join(names, ", ")));
  throw Error(
      fmt::format("--reparam {}: no weights have such a name; there are: {}", to_string(how), fmt::join(names, ", ")));
}

}  // namespace

Reparametrization parse_reparametrization(std::string_view text) {
  const size_t open = text.find('('), equals = text.substr(0, open).rfind('=');
  const auto fail = [&] { return Error(fmt::format("--reparam {}: expected one of {}", text, kForms)); };
  if (equals == std::string_view::npos || equals == 0) throw fail();
  if (open != std::string_view::npos && text.back() != ')') throw fail();
  Reparametrization result;
  result.glob = text.substr(0, equals);
  const std::string_view kind = text.substr(equals + 1, open == std::string_view::npos ? open : open - equals - 1);
  if (kind == "standardize")
    result.kind = Kind::standardize;
  else if (kind == "weight_norm")
    result.kind = Kind::weight_norm;
  else if (kind == "spectral_norm")
    result.kind = Kind::spectral_norm;
  else
    throw fail();
  if (open == std::string_view::npos) return result;
  std::string_view arguments = text.substr(open + 1, text.size() - open - 2);
  while (!arguments.empty()) {
    const size_t comma = arguments.find(',');
    read_argument(arguments.substr(0, comma), text, result);
    arguments = comma == std::string_view::npos ? "" : arguments.substr(comma + 1);
  }
  return result;
}

std::string to_string(const Reparametrization& how) {
  switch (how.kind) {
    case Kind::standardize:
      return fmt::format("{}=standardize(eps={}{}{})", how.glob, how.eps, how.unbiased ? ",unbiased" : "",
                         how.eps_outside ? ",eps_outside" : "");
    case Kind::weight_norm:
      return fmt::format("{}=weight_norm(dim={})", how.glob, how.dim);
    case Kind::spectral_norm:
      break;
  }
  return fmt::format("{}=spectral_norm(iterations={})", how.glob, how.iterations);
}

bool matches(std::string_view glob, std::string_view name) {
  // Where the last star stands, and where what it stands for ends so far.
  size_t star = std::string_view::npos, end = 0, g = 0, n = 0;
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      end = n;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == name[n])) {
      ++g;
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++end;
    } else {
      return false;
    }
  }
  return glob.find_first_not_of('*', g) == std::string_view::npos;
}

Array reparametrized(const Array& array, const Node& layer, const Reparametrization& how) {
  std::vector<double> weights = array.doubles();
  if (how.kind == Kind::weight_norm) {
    weights = weight_normalized(std::move(weights), array.shape(), how.dim);
  } else if (how.kind == Kind::standardize) {
    weights = standardized(std::move(weights), rows_of(output_channels(layer)), how);
  } else {
    const double sigma = largest_singular_value(weights, rows_of(output_channels(layer)), how.iterations);
    for (double& weight : weights) weight /= sigma;
  }
  return Array::of_doubles(array.shape(), std::move(weights), array.dtype());
}

void reparametrize(Graph& graph, const std::vector<Reparametrization>& list, passes::PassLog& log) {
  // A tensor that several layers read in the same way is transformed once, and its name stays.
  const std::vector<LayerWeight> weights = find_weights(graph);
  std::unordered_map<const Value*, Value*> own;  // by the layer's input
  for (const LayerWeight& weight : weights) {
    Value* input = weight.layer->inputs[kWeights];
    if (!weight.moved_only || weight.source == input) continue;
    Value*& constant = own[input];
    if (constant == nullptr) constant = graph.add_constant(weight.source->name, import::Constants().get(input));
  }
  for (const Reparametrization& how : list) {
    std::set<const Value*> done;
    for (const LayerWeight* weight : matching(graph, weights, how)) {
      const auto moved = own.find(weight->layer->inputs[kWeights]);
      Value* target = moved != own.end() ? moved->second : weight->source;
      if (!done.insert(target).second) continue;
      try {
        if (target->shape() != weight->shape())
          throw Error(fmt::format("has shape {} and becomes weights of shape {} by arithmetic",
                                  ir::to_string(target->shape()), ir::to_string(weight->shape())));
        target->constant = reparametrized(*target->constant, *weight->layer, how);
      } catch (const Error& error) {
        throw Error(fmt::format("--reparam {}: '{}' {}", to_string(how), weight->source->name, error.what()));
      }
      log.add("{} of {}: {}", weight->source->name, weight->layer->name, to_string(how));
    }
  }
  for (const LayerWeight& weight : weights) {
    const auto moved = own.find(weight.layer->inputs[kWeights]);
    if (moved != own.end()) graph.set_input(weight.layer, kWeights, moved->second);
  }
  remove_unused_constants(graph);
}

}  // namespace linnet::weights

#include "converter/treat/repair.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include <fmt/format.h>
#include <Eigen/Cholesky>

#include "converter/treat/refit.hpp"
#include "converter/treat/select.hpp"

namespace linnet::treat {

namespace {

using Columns = std::vector<int64_t>;

// Rows of one group that keep the same columns.
struct RowSet {
  const Quadratic* problem;
  std::vector<int64_t> rows;
  Columns columns;
};

double largest_eigenvalue(const Matrix& symmetric) {
  constexpr int kRounds = 50;
  Vector v = Vector::Ones(symmetric.rows()).normalized();
  double value = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Vector next = symmetric * v;
    value = next.norm();
    if (value == 0) break;
    v = next / value;
  }
  return value;
}

class Repairer {
 public:
  Repairer(const Layer& layer, const Matrix& float_weights, const Matrix& treated, const Treatment& treatment,
           const std::vector<Evidence>& evidence, const RepairOptions& options, WeightSet* set)
      : layer_(layer),
        float_weights_(float_weights),
        treated_(treated),
        treatment_(treatment),
        evidence_(evidence),
        options_(options),
        set_(*set) {}

  Repaired run() {
    Repaired result;
    result.weights = treated_;
    if (layer_.columns() > kMostColumns) {
      result.method = fmt::format("bias alone: {} inputs and taps, weights are repaired of up to {}", layer_.columns(),
                                  kMostColumns);
      result.before = result.after = std::numeric_limits<double>::quiet_NaN();
    } else {
      improve(&result);
    }
    result.bias_shift = shift(result.weights);
    return result;
  }

 private:
  const Layer& layer_;
  const Matrix &float_weights_, &treated_;
  const Treatment& treatment_;
  const std::vector<Evidence>& evidence_;
  const RepairOptions& options_;
  WeightSet& set_;
  std::vector<Quadratic> problems_;

  Vector shift(const Matrix& weights) const {
    Vector result(layer_.rows);
    for (const Evidence& e : evidence_)
      result.segment(e.first_row, e.rows) = e.mean_t - weights.middleRows(e.first_row, e.rows) * e.mean_x;
    return result;
  }

  // As a part of the variance.
  double error(const Matrix& weights, bool with_bias) const {
    double error = 0, variance = 0;
    for (const Evidence& e : evidence_) {
      const Matrix w = weights.middleRows(e.first_row, e.rows);
      error += e.variance.sum() - 2 * w.cwiseProduct(e.cross).sum() + (w * e.gram).cwiseProduct(w).sum();
      variance += e.variance.sum();
      if (!with_bias) error += (e.mean_t - w * e.mean_x).squaredNorm();
    }
    return error <= 0 ? 0.0 : variance > 0 ? error / variance : std::numeric_limits<double>::infinity();
  }

  void improve(Repaired* result) {
    const WeightSet treated_set = set_;
    result->before = error(treated_, false);
    int64_t most = 0, least = std::numeric_limits<int64_t>::max();
    for (int64_t row = 0; row < layer_.rows; ++row) most = std::max(most, static_cast<int64_t>(columns_of(row).size()));
    for (const Evidence& e : evidence_) least = std::min(least, e.count);
    if (least > most) {
      set_problems();
      const bool moved = least > layer_.columns() && move_zeros();
      result->weights = set_.levels ? by_levels() : by_regression();
      result->method = moved ? "least squares, zeros moved" : "least squares";
    } else {
      result->weights = by_gradients();
      result->method =
          fmt::format("{} gradient steps: {} positions for {} weights an output", options_.steps, least, most);
    }
    result->after = error(result->weights, true);
    if (options_.weight_decay > 0 || result->after <= error(treated_, true)) return;
    result->weights = treated_;
    result->after = error(treated_, true);
    result->method = "bias alone: nothing else is closer";
    set_ = treated_set;
  }

  Columns columns_of(int64_t row) const {
    Columns columns;
    for (int64_t column = 0; column < layer_.columns(); ++column)
      if (set_.keeps(row * layer_.columns() + column)) columns.push_back(column);
    return columns;
  }

  void set_problems() {
    constexpr double kDamping = 0.03, kLeast = 1e-12;
    for (const Evidence& e : evidence_) {
      Quadratic& problem = problems_.emplace_back();
      problem.first_row = e.first_row;
      problem.rows = e.rows;
      const double damping = kDamping * e.gram.diagonal().mean() + kLeast;
      problem.hessian = e.gram;
      problem.hessian.diagonal().array() += damping + options_.weight_decay;
      problem.linear = e.cross + damping * float_weights_.middleRows(e.first_row, e.rows);
    }
  }

  std::vector<RowSet> row_sets() const {
    std::vector<RowSet> sets;
    for (const Quadratic& problem : problems_) {
      std::map<Columns, std::vector<int64_t>> by_columns;
      for (int64_t row = problem.first_row; row < problem.first_row + problem.rows; ++row)
        by_columns[columns_of(row)].push_back(row);
      for (auto& [columns, rows] : by_columns)
        if (!columns.empty()) sets.push_back({&problem, std::move(rows), columns});
    }
    return sets;
  }

  // Zeros of a part of the layer go where they cost less.
  bool move_zeros() {
    if (!treatment_.sparsify || treatment_.sparsify->threshold) return false;
    auto kept = select_weights(problems_, layer_, set_.pattern, set_.kept);
    if (!kept || *kept == set_.kept) return false;
    const double before = objective(problems_, regression());
    std::swap(set_.kept, *kept);
    if (objective(problems_, regression()) < before) return true;
    std::swap(set_.kept, *kept);
    return false;
  }

  // The regression's weights.
  Matrix regression() const {
    Matrix weights = Matrix::Zero(layer_.rows, layer_.columns());
    for (const RowSet& part : row_sets()) {
      const Matrix hessian = part.problem->hessian(part.columns, part.columns);
      const Eigen::LLT<Matrix> factor(hessian);
      for (const int64_t row : part.rows) {
        const Vector linear = part.problem->linear.row(row - part.problem->first_row)(part.columns).transpose();
        const Vector solution = factor.solve(linear);
        for (size_t i = 0; i < part.columns.size(); ++i)
          weights(row, part.columns[i]) = solution[static_cast<int64_t>(i)];
      }
    }
    return weights;
  }

  Matrix by_regression() const {
    Matrix weights = regression();
    if (!std::isfinite(set_.limit)) return weights;
    weights = weights.cwiseMax(-set_.limit).cwiseMin(set_.limit);
    descend(problems_, layer_, set_, &weights);
    return weights;
  }

  // Column by column, each with the update of those left.
  void round_in_turn(const RowSet& part, const Levels& levels, Matrix* weights) const {
    Columns order = part.columns;
    const Matrix& hessian = part.problem->hessian;
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return hessian(a, a) > hessian(b, b); });
    const auto count = static_cast<int64_t>(order.size());
    const Matrix inverse = Eigen::LLT<Matrix>(hessian(order, order)).solve(Matrix::Identity(count, count));
    const Matrix factor = Eigen::LLT<Matrix>(inverse).matrixU();
    Matrix left((*weights)(part.rows, order));
    for (int64_t i = 0; i < count; ++i) {
      Vector error(left.rows());
      for (int64_t r = 0; r < left.rows(); ++r) {
        const int64_t row = part.rows[static_cast<size_t>(r)];
        const size_t group = levels.group(row, order[static_cast<size_t>(i)]);
        const double number = levels.value(group, levels.nearest(group, left(r, i)));
        (*weights)(row, order[static_cast<size_t>(i)]) = number;
        error[r] = (left(r, i) - number) / factor(i, i);
      }
      if (i + 1 < count) left.rightCols(count - i - 1).noalias() -= error * factor.row(i).tail(count - i - 1);
    }
  }

  Levels levels_for(const Matrix& weights) const {
    if (treatment_.grid) return grid_levels(layer_, weights, set_.kept, *treatment_.grid);
    // Means are the bias's.
    Matrix energies(layer_.rows, layer_.columns());
    for (const Quadratic& problem : problems_)
      energies.middleRows(problem.first_row, problem.rows).rowwise() = problem.hessian.diagonal().transpose();
    return cluster_levels(layer_, weights, set_.kept, *treatment_.cluster, &energies);
  }

  Matrix by_levels() {
    constexpr int kTurns = 30;
    Matrix weights = regression();
    if (std::isfinite(set_.limit)) weights = weights.cwiseMax(-set_.limit).cwiseMin(set_.limit);
    const Levels levels = levels_for(weights);
    for (const RowSet& part : row_sets()) round_in_turn(part, levels, &weights);
    if (objective(problems_, weights) < objective(problems_, treated_)) {
      set_.levels = levels;
      set_.codes = codes_of(weights, levels);
    } else {
      weights = treated_;
    }
    double least = objective(problems_, weights);
    for (int turn = 0; turn < kTurns; ++turn) {
      WeightSet next = set_;
      refit_levels(problems_, layer_, &next);
      Matrix changed = next.values(layer_.rows, layer_.columns());
      descend(problems_, layer_, next, &changed);
      next.codes = codes_of(changed, *next.levels);
      const double now = objective(problems_, changed);
      if (!(now < least)) break;
      least = now;
      set_ = std::move(next);
      weights = changed;
    }
    return weights;
  }

  // The nearest weights of the set.
  Matrix allowed(const Matrix& weights, WeightSet* set) const {
    if (!set->levels) return weights.cwiseMax(-set->limit).cwiseMin(set->limit);
    set->codes = codes_of(weights, *set->levels);
    return set->values(layer_.rows, layer_.columns());
  }

  Matrix by_gradients() {
    Matrix free = treated_, best = treated_;
    const double decay = options_.weight_decay;
    double least = std::numeric_limits<double>::infinity();
    std::vector<double> rates;
    for (const Evidence& e : evidence_) {
      const double curvature = largest_eigenvalue(e.gram) + decay;
      rates.push_back(options_.rate.value_or(curvature > 0 ? 1 / curvature : 0));
    }
    WeightSet now = set_;
    for (int step = 0; step <= options_.steps; ++step) {
      const Matrix weights = allowed(free, &now);
      double loss = 0;
      for (size_t i = 0; i < evidence_.size(); ++i) {
        const Evidence& e = evidence_[i];
        const Matrix w = weights.middleRows(e.first_row, e.rows), product = w * e.gram;
        loss += product.cwiseProduct(w).sum() / 2 - w.cwiseProduct(e.cross).sum() + decay * w.squaredNorm() / 2;
        free.middleRows(e.first_row, e.rows) -= rates[i] * (product - e.cross + decay * w);
      }
      if (!(loss < least) && !std::isfinite(loss)) break;
      for (int64_t i = 0; i < free.size(); ++i)
        if (!set_.keeps(i)) free.data()[i] = 0;
      if (!(loss < least)) continue;
      least = loss;
      best = weights;
      set_ = now;
    }
    return best;
  }
};

}  // namespace

Matrix energies_of(const Layer& layer, const std::vector<Evidence>& evidence) {
  constexpr double kLeast = 1e-9;  // of the mean, so that every weight counts
  Matrix energies(layer.rows, layer.columns());
  for (const Evidence& e : evidence) {
    const Vector squares = e.gram.diagonal() + e.mean_x.cwiseAbs2();
    energies.middleRows(e.first_row, e.rows).rowwise() = squares.transpose();
  }
  const double mean = energies.mean();
  if (mean <= 0) return Matrix::Ones(layer.rows, layer.columns());
  return energies.cwiseMax(kLeast * mean);
}

Repaired repair(const Layer& layer, const Matrix& float_weights, const Matrix& treated, const Treatment& treatment,
                const std::vector<Evidence>& evidence, const RepairOptions& options, WeightSet* set) {
  return Repairer(layer, float_weights, treated, treatment, evidence, options, set).run();
}

}  // namespace linnet::treat

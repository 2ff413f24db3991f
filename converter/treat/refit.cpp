#include "converter/treat/refit.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <Eigen/Cholesky>

namespace linnet::treat {

namespace {

// One row of weights as a linear function of the parameters of its block of rows, of which all groups of the block have
// the same number: steps and, but for symmetric grids, offsets; or entries.
class Basis {
 public:
  Basis(const Layer& layer, const WeightSet& set, int64_t row)
      : columns_(layer.columns()), set_(set), levels_(*set.levels), row_(row) {}

  static int64_t per_group(const Levels& levels) {
    if (!levels.grid) return levels.last + 1;
    return levels.grid->scheme == Scheme::symmetric ? 1 : 2;
  }

  // Calls visit(column, parameter, factor).
  template <class Visit>
  void each(Visit&& visit) const {
    const int64_t each_group = per_group(levels_);
    for (int64_t column = 0; column < columns_; ++column) {
      const int64_t index = row_ * columns_ + column;
      if (!set_.keeps(index)) continue;
      const int64_t code = set_.codes[static_cast<size_t>(index)],
                    first = column / levels_.columns_per_group * each_group;
      if (!levels_.grid) {
        visit(column, first + code, 1.0);
        continue;
      }
      visit(column, first, static_cast<double>(code));
      if (each_group == 2) visit(column, first + 1, 1.0);
    }
  }

 private:
  int64_t columns_;
  const WeightSet& set_;
  const Levels& levels_;
  int64_t row_;
};

// Where the parameters of a block of rows are kept, in the order of Basis.
std::vector<double*> parameters(Levels* levels, int64_t block) {
  std::vector<double*> result;
  const auto first = static_cast<size_t>(block * levels->groups_per_row);
  for (size_t group = first; group < first + static_cast<size_t>(levels->groups_per_row); ++group) {
    if (levels->grid) {
      result.push_back(&levels->steps[group]);
      if (Basis::per_group(*levels) == 2) result.push_back(&levels->offsets[group]);
    } else {
      for (int code = 0; code <= levels->last; ++code)
        result.push_back(&levels->entries[group * static_cast<size_t>(levels->last + 1) + static_cast<size_t>(code)]);
    }
  }
  return result;
}

const Quadratic& problem_of(const std::vector<Quadratic>& problems, int64_t row) {
  return *std::find_if(problems.begin(), problems.end(),
                       [&](const Quadratic& problem) { return row < problem.first_row + problem.rows; });
}

void refit_block(const std::vector<Quadratic>& problems, const Layer& layer, int64_t block, WeightSet* set) {
  constexpr double kHold = 1e-7;  // draws towards the parameters as they are
  Levels& levels = *set->levels;
  const std::vector<double*> targets = parameters(&levels, block);
  const auto count = static_cast<int64_t>(targets.size());
  Matrix normal = Matrix::Zero(count, count);
  Vector right = Vector::Zero(count);
  const int64_t first = block * levels.rows_per_group, last = std::min(first + levels.rows_per_group, layer.rows);
  for (int64_t row = first; row < last; ++row) {
    const Quadratic& problem = problem_of(problems, row);
    const Basis basis(layer, *set, row);
    Matrix products = Matrix::Zero(count, layer.columns());
    basis.each([&](int64_t column, int64_t parameter, double factor) {
      products.row(parameter) += factor * problem.hessian.row(column);
    });
    basis.each([&](int64_t column, int64_t parameter, double factor) {
      normal.col(parameter) += factor * products.col(column);
      right[parameter] += factor * problem.linear(row - problem.first_row, column);
    });
  }
  Vector old(count);
  for (int64_t p = 0; p < count; ++p) old[p] = *targets[static_cast<size_t>(p)];
  const double hold = kHold * normal.diagonal().mean() + 1e-30;
  normal.diagonal().array() += hold;
  const Vector solution = normal.ldlt().solve(right + hold * old);
  for (int64_t p = 0; p < count; ++p)
    *targets[static_cast<size_t>(p)] = static_cast<double>(static_cast<float>(solution[p]));
}

// A step below 0 counts from the other end.
void make_positive(const Layer& layer, WeightSet* set) {
  Levels& levels = *set->levels;
  std::vector<bool> flipped(levels.groups());
  for (size_t group = 0; group < levels.groups(); ++group) {
    if (levels.steps[group] >= 0) continue;
    levels.offsets[group] = static_cast<double>(static_cast<float>(levels.value(group, levels.first + levels.last)));
    levels.steps[group] = -levels.steps[group];
    flipped[group] = true;
  }
  for (size_t i = 0; i < set->codes.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    if (flipped[levels.group(index / layer.columns(), index % layer.columns())])
      set->codes[i] = static_cast<int16_t>(levels.first + levels.last - set->codes[i]);
  }
}

void sort_entries(const Layer& layer, WeightSet* set) {
  Levels& levels = *set->levels;
  const size_t count = static_cast<size_t>(levels.last) + 1;
  std::vector<int16_t> place(levels.entries.size());
  for (size_t begin = 0; begin < levels.entries.size(); begin += count) {
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return levels.entries[begin + a] < levels.entries[begin + b]; });
    std::vector<double> sorted;
    for (size_t i = 0; i < count; ++i) {
      place[begin + order[i]] = static_cast<int16_t>(i);
      sorted.push_back(levels.entries[begin + order[i]]);
    }
    std::copy(sorted.begin(), sorted.end(), levels.entries.begin() + static_cast<std::ptrdiff_t>(begin));
  }
  for (size_t i = 0; i < set->codes.size(); ++i) {
    const auto index = static_cast<int64_t>(i);
    const size_t group = levels.group(index / layer.columns(), index % layer.columns());
    set->codes[i] = place[group * count + static_cast<size_t>(set->codes[i])];
  }
}

}  // namespace

double objective(const std::vector<Quadratic>& problems, const Matrix& weights) {
  double sum = 0;
  for (const Quadratic& problem : problems) {
    const Matrix w = weights.middleRows(problem.first_row, problem.rows);
    sum += (w * problem.hessian).cwiseProduct(w).sum() / 2 - w.cwiseProduct(problem.linear).sum();
  }
  return sum;
}

void descend(const std::vector<Quadratic>& problems, const Layer& layer, const WeightSet& set, Matrix* weights) {
  constexpr int kMostRounds = 10;
  constexpr double kChange = 1e-9;  // of a weight, which ends it
  for (const Quadratic& problem : problems)
    for (int64_t row = problem.first_row; row < problem.first_row + problem.rows; ++row) {
      auto w = weights->row(row);
      Vector slope = problem.hessian * w.transpose() - problem.linear.row(row - problem.first_row).transpose();
      bool changed = true;
      for (int round = 0; round < kMostRounds && changed; ++round) {
        changed = false;
        for (int64_t column = 0; column < layer.columns(); ++column) {
          if (!set.keeps(row * layer.columns() + column)) continue;
          double best = w[column] - slope[column] / problem.hessian(column, column);
          if (set.levels) {
            const size_t group = set.levels->group(row, column);
            best = set.levels->value(group, set.levels->nearest(group, best));
          } else {
            best = std::clamp(best, -set.limit, set.limit);
          }
          const double change = best - w[column];
          if (std::abs(change) <= kChange * std::abs(best)) continue;
          slope += change * problem.hessian.row(column).transpose();
          w[column] = best;
          changed = true;
        }
      }
    }
}

void refit_levels(const std::vector<Quadratic>& problems, const Layer& layer, WeightSet* set) {
  const int64_t blocks = (layer.rows + set->levels->rows_per_group - 1) / set->levels->rows_per_group;
  for (int64_t block = 0; block < blocks; ++block) refit_block(problems, layer, block, set);
  if (set->levels->grid)
    make_positive(layer, set);
  else
    sort_entries(layer, set);
}

}  // namespace linnet::treat

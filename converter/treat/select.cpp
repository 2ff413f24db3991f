#include "converter/treat/select.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Cholesky>

namespace linnet::treat {

namespace {

class Selector {
 public:
  Selector(const std::vector<Quadratic>& problems, const Layer& layer, Pattern pattern)
      : problems_(problems),
        layer_(layer),
        two_of_four_(pattern == Pattern::two_of_four),
        kept_(static_cast<size_t>(layer.rows * layer.columns()), 1) {
    const Pattern shape = two_of_four_ ? Pattern::element : pattern;
    blocks_ = blocks_of(layer, Matrix::Zero(layer.rows, layer.columns()), shape);
    parts_.resize(static_cast<size_t>(layer.rows));
    for (size_t b = 0; b < blocks_.size(); ++b)
      for (const int64_t weight : blocks_[b].weights) {
        std::vector<Part>& parts = parts_[static_cast<size_t>(weight / layer.columns())];
        if (parts.empty() || parts.back().block != b) parts.push_back({b, {}});
        parts.back().columns.push_back(weight % layer.columns());
      }
  }

  std::vector<uint8_t> run(int64_t target) {
    constexpr int kRounds = 25, kFewRounds = 8, kMostTurns = 5;
    left_ = static_cast<int64_t>(kept_.size());
    remove_in_rounds(target, kRounds);
    if (two_of_four_) return std::move(kept_);
    find_costs();
    for (int turn = 0; turn < kMostTurns; ++turn) {
      const std::vector<uint8_t> best = kept_;
      const double least = objective_;
      add(std::max<int64_t>(target / 4, 1));
      remove_in_rounds(target, kFewRounds);
      find_costs();
      if (objective_ < least) continue;
      kept_ = best;
      break;
    }
    return std::move(kept_);
  }

 private:
  // The columns of a block in one row.
  struct Part {
    size_t block;
    std::vector<int64_t> columns;
  };

  const std::vector<Quadratic>& problems_;
  const Layer& layer_;
  bool two_of_four_;
  std::vector<uint8_t> kept_;
  std::vector<Block> blocks_;             // magnitudes are costs, a weight
  std::vector<std::vector<Part>> parts_;  // of every row
  int64_t left_ = 0;
  Matrix weights_;        // of the regression on what is kept
  double objective_ = 0;  // theirs

  std::vector<int64_t> columns_of(int64_t row) const {
    std::vector<int64_t> columns;
    for (int64_t column = 0; column < layer_.columns(); ++column)
      if (kept_[static_cast<size_t>(row * layer_.columns() + column)] != 0) columns.push_back(column);
    return columns;
  }

  void remove_in_rounds(int64_t target, int rounds) {
    const auto before = static_cast<double>(left_);
    for (int round = 1; round <= rounds; ++round) {
      const double part =
          std::pow(std::max(static_cast<double>(target), 1.0) / before, static_cast<double>(round) / rounds);
      find_costs();
      remove(round == rounds ? target : static_cast<int64_t>(std::ceil(before * part)));
    }
  }

  // About as many weights, in the blocks that the objective falls steepest for.
  void add(int64_t count) {
    for (Block& block : blocks_) block.magnitude = 0;
    for (const Quadratic& problem : problems_) {
      const Matrix slopes = weights_.middleRows(problem.first_row, problem.rows) * problem.hessian - problem.linear;
      for (int64_t row = problem.first_row; row < problem.first_row + problem.rows; ++row)
        for (const Part& part : parts_[static_cast<size_t>(row)])
          for (const int64_t column : part.columns) {
            const double slope = slopes(row - problem.first_row, column);
            Block& block = blocks_[part.block];
            block.magnitude +=
                slope * slope / problem.hessian(column, column) / static_cast<double>(block.weights.size());
          }
    }
    std::vector<const Block*> order;
    for (const Block& block : blocks_)
      if (kept_[static_cast<size_t>(block.weights[0])] == 0) order.push_back(&block);
    std::stable_sort(order.begin(), order.end(),
                     [](const Block* a, const Block* b) { return a->magnitude > b->magnitude; });
    for (const Block* block : order) {
      if (count <= 0) break;
      for (const int64_t weight : block->weights) kept_[static_cast<size_t>(weight)] = 1;
      count -= static_cast<int64_t>(block->weights.size());
      left_ += static_cast<int64_t>(block->weights.size());
    }
  }

  void find_costs() {
    for (Block& block : blocks_) block.magnitude = 0;
    weights_ = Matrix::Zero(layer_.rows, layer_.columns());
    objective_ = 0;
    for (const Quadratic& problem : problems_) {
      std::vector<int64_t> known;
      Matrix inverse;
      for (int64_t row = problem.first_row; row < problem.first_row + problem.rows; ++row) {
        const std::vector<int64_t> columns = columns_of(row);
        if (columns.empty()) continue;
        if (columns != known) {
          const auto count = static_cast<int64_t>(columns.size());
          inverse = Eigen::LLT<Matrix>(problem.hessian(columns, columns)).solve(Matrix::Identity(count, count));
          known = columns;
        }
        const Vector linear = problem.linear.row(row - problem.first_row)(columns).transpose();
        const Vector weights = inverse * linear;
        objective_ -= weights.dot(linear) / 2;
        for (size_t i = 0; i < columns.size(); ++i) weights_(row, columns[i]) = weights[static_cast<int64_t>(i)];
        add_costs(row, columns, inverse, weights);
      }
    }
  }

  void add_costs(int64_t row, const std::vector<int64_t>& columns, const Matrix& inverse, const Vector& weights) {
    std::vector<int64_t> place(static_cast<size_t>(layer_.columns()), -1);
    for (size_t i = 0; i < columns.size(); ++i) place[static_cast<size_t>(columns[i])] = static_cast<int64_t>(i);
    for (const Part& part : parts_[static_cast<size_t>(row)]) {
      if (place[static_cast<size_t>(part.columns[0])] < 0) continue;
      std::vector<int64_t> at;
      for (const int64_t column : part.columns) at.push_back(place[static_cast<size_t>(column)]);
      const Vector w = weights(at);
      const Vector solved = Eigen::LLT<Matrix>(inverse(at, at)).solve(w);
      Block& block = blocks_[part.block];
      block.magnitude += w.dot(solved) / 2 / static_cast<double>(block.weights.size());
    }
  }

  // Those of least cost, until `target` weights are left.
  void remove(int64_t target) {
    std::vector<const Block*> order;
    for (const Block& block : blocks_)
      if (kept_[static_cast<size_t>(block.weights[0])] != 0) order.push_back(&block);
    std::stable_sort(order.begin(), order.end(),
                     [](const Block* a, const Block* b) { return a->magnitude < b->magnitude; });
    for (const Block* block : order) {
      const auto size = static_cast<int64_t>(block->weights.size());
      if (left_ - size < target) {
        if (size == 1) break;
        continue;
      }
      if (two_of_four_ && must_stay(block->weights[0])) continue;
      for (const int64_t weight : block->weights) kept_[static_cast<size_t>(weight)] = 0;
      left_ -= size;
    }
  }

  // Of up to four consecutive inputs the larger half stays.
  bool must_stay(int64_t weight) const {
    constexpr int64_t kInputs = 4;
    const int64_t run = weight / layer_.inputs * layer_.inputs, first = run + (weight - run) / kInputs * kInputs,
                  last = std::min(first + kInputs, run + layer_.inputs);
    int64_t stay = 0;
    for (int64_t i = first; i < last; ++i) stay += kept_[static_cast<size_t>(i)];
    return stay <= (last - first + 1) / 2;
  }
};

}  // namespace

std::optional<std::vector<uint8_t>> select_weights(const std::vector<Quadratic>& problems, const Layer& layer,
                                                   Pattern pattern, const std::vector<uint8_t>& kept) {
  constexpr double kMostWork = 1e11;
  if (static_cast<double>(layer.rows) * std::pow(static_cast<double>(layer.columns()), 3) > kMostWork)
    return std::nullopt;
  return Selector(problems, layer, pattern).run(std::count(kept.begin(), kept.end(), uint8_t{1}));
}

}  // namespace linnet::treat

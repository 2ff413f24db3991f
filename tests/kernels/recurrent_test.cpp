// The element-wise halves of LSTM and GRU time steps against their formulas in double.
#include "kernels/recurrent/plan.hpp"
#include "tests/kernels/support.hpp"
#include "tests/kernels/ulp.hpp"

namespace linnet::kernels::test {
namespace {

constexpr float kUntouched = 99.0f;

// `rows` runs of `columns` values, `gap` elements apart, kUntouched in the gaps.
struct Rows {
  int32_t rows, columns;
  ptrdiff_t stride;
  Guarded<float> values;

  Rows(int32_t row_count, int32_t column_count, int32_t gap, uint64_t seed, float limit = 2.0f)
      : rows(row_count),
        columns(column_count),
        stride(column_count + gap),
        values(static_cast<size_t>((row_count - 1) * stride + column_count)) {
    Random random(seed);
    for (size_t i = 0; i < values.size(); ++i) values[i] = in_gap(i) ? kUntouched : random.uniform(-limit, limit);
  }
  bool in_gap(size_t i) const { return static_cast<ptrdiff_t>(i) % stride >= columns; }
  float* data() { return values.data(); }
  double at(int32_t row, int32_t column) const { return values[static_cast<size_t>(row * stride + column)]; }
  bool intact() const {
    for (size_t i = 0; i < values.size(); ++i) {
      if (in_gap(i) && values[i] != kUntouched) return false;
    }
    return values.intact();
  }
};

double clipped(double x, float clip) {
  return std::fmin(std::fmax(x, -static_cast<double>(clip)), static_cast<double>(clip));
}

// States are of order 1 and sums of order 4 before their activations.
::testing::AssertionResult near(float got, double wanted) {
  return is_close(got, wanted, 1e-6, 2e-6);
}

struct CellCase {
  int32_t rows, hidden;
  int32_t gap = 0;
  bool coupled = false, peepholes = false;  // of an LSTM
  bool recurrent = false;                   // of a GRU
  float clip = kInf;
  Activation gate = {Function::Sigmoid}, cell = {Function::Tanh}, output = {Function::Tanh};
};

std::ostream& operator<<(std::ostream& out, const CellCase& c) {
  return out << "rows " << c.rows << " hidden " << c.hidden << " gap " << c.gap << " coupled " << c.coupled
             << " peepholes " << c.peepholes << " recurrent " << c.recurrent << " clip " << c.clip << " functions "
             << static_cast<int>(c.gate.function) << " " << static_cast<int>(c.cell.function) << " "
             << static_cast<int>(c.output.function);
}

void check_lstm(const KernelTable& kernels, const CellCase& p) {
  SCOPED_TRACE(::testing::Message() << p);
  const int32_t n = p.hidden;
  Rows gates(p.rows, gate_count(RecurrentKind::Lstm, p.coupled) * n, p.gap, 1, 4.0f), c(p.rows, n, p.gap, 2),
      h(p.rows, n, 2 * p.gap, 3);
  const Guarded<float> peepholes(Random(4).floats(static_cast<size_t>(3) * n));
  const std::vector<float> before = c.values.values();
  kernels.lstm_cell_f32({p.rows, n, p.coupled, p.clip, p.gate, p.cell, p.output, gates.data(), gates.stride,
                         p.peepholes ? peepholes.data() : nullptr, c.data(), c.stride, h.data(), h.stride});
  ASSERT_TRUE(gates.intact() && c.intact() && h.intact());
  for (int32_t r = 0; r < p.rows; ++r) {
    for (int32_t u = 0; u < n; ++u) {
      const double old = before[static_cast<size_t>(r * c.stride + u)];
      const auto gate = [&](int32_t position, int32_t peephole, double state) {
        const double weight = p.peepholes ? peepholes[static_cast<size_t>(peephole * n + u)] : 0.0;
        return activate(p.gate, clipped(gates.at(r, position * n + u) + weight * state, p.clip));
      };
      const double input = gate(0, 0, old);
      const double forget = p.coupled ? 1 - input : gate(2, 2, old);
      const double candidate = gates.at(r, (p.coupled ? 2 : 3) * n + u);
      const double now = forget * old + input * activate(p.cell, clipped(candidate, p.clip));
      ASSERT_TRUE(near(c.values[static_cast<size_t>(r * c.stride + u)], now)) << "c at " << r << ", " << u;
      ASSERT_TRUE(near(h.values[static_cast<size_t>(r * h.stride + u)], gate(1, 1, now) * activate(p.output, now)))
          << "h at " << r << ", " << u;
    }
  }
}

void check_gru(const KernelTable& kernels, const CellCase& p) {
  SCOPED_TRACE(::testing::Message() << p);
  const int32_t n = p.hidden;
  Rows gates(p.rows, 3 * n, p.gap, 5, 4.0f), recurrent(p.rows, n, 0, 6), before(p.rows, n, p.gap, 7),
      h(p.rows, n, 2 * p.gap, 8);
  Rows in_place(p.rows, n, p.gap, 7);
  GruCellArgs args = {p.rows,           n,
                      p.clip,           p.gate,
                      p.cell,           gates.data(),
                      gates.stride,     p.recurrent ? recurrent.data() : nullptr,
                      recurrent.stride, before.data(),
                      before.stride,    h.data(),
                      h.stride};
  kernels.gru_cell_f32(args);
  args.before = args.h = in_place.data();
  args.before_stride = args.h_stride = in_place.stride;
  kernels.gru_cell_f32(args);
  ASSERT_TRUE(gates.intact() && before.intact() && h.intact() && in_place.intact());
  for (int32_t r = 0; r < p.rows; ++r) {
    ASSERT_EQ(std::memcmp(h.data() + r * h.stride, in_place.data() + r * in_place.stride, n * sizeof(float)), 0);
    for (int32_t u = 0; u < n; ++u) {
      const auto gate = [&](int32_t position) {
        return activate(p.gate, clipped(gates.at(r, position * n + u), p.clip));
      };
      const double sum = gates.at(r, 2 * n + u) + (p.recurrent ? gate(1) * recurrent.at(r, u) : 0.0);
      const double wanted = (1 - gate(0)) * activate(p.cell, clipped(sum, p.clip)) + gate(0) * before.at(r, u);
      ASSERT_TRUE(near(h.values[static_cast<size_t>(r * h.stride + u)], wanted)) << r << ", " << u;
    }
  }
}

void check_reset(const KernelTable& kernels, const CellCase& p) {
  SCOPED_TRACE(::testing::Message() << p);
  Rows sums(p.rows, p.hidden, p.gap, 9, 4.0f), h(p.rows, p.hidden, 2 * p.gap, 10), y(p.rows, p.hidden, 0, 11);
  kernels.gru_reset_f32(
      {p.rows, p.hidden, p.clip, p.gate, sums.data(), sums.stride, h.data(), h.stride, y.data(), y.stride});
  ASSERT_TRUE(sums.intact() && h.intact() && y.intact());
  for (int32_t r = 0; r < p.rows; ++r) {
    for (int32_t u = 0; u < p.hidden; ++u) {
      const double wanted = activate(p.gate, clipped(sums.at(r, u), p.clip)) * h.at(r, u);
      ASSERT_TRUE(near(y.values[static_cast<size_t>(r * y.stride + u)], wanted)) << r << ", " << u;
    }
  }
}

class RecurrentCell : public KernelTest {
 protected:
  void check(const CellCase& p) {
    check_lstm(kernels(), p);
    check_gru(kernels(), p);
    check_reset(kernels(), p);
  }
};

TEST_P(RecurrentCell, EveryFormAndTail) {
  for (const int32_t hidden : sizes_with_tails(GetParam())) {
    for (int form = 0; form < 16; ++form) {
      const bool first = form & 1, second = form & 2;
      check({1 + form % 3,
             hidden,
             form % 5,
             first,
             second,
             first,
             form & 4 ? 0.7f : kInf,
             {form & 8 ? Function::HardSigmoid : Function::Sigmoid, 0.2f, 0.5f}});
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(RecurrentCell, EveryActivation) {
  for (int f = 0; f < kFunctionCount; ++f) {
    const Activation function = activation_of(static_cast<Function>(f));
    if (!is_smooth(function.function) || function.function == Function::Exp) continue;
    for (const float clip : {kInf, 0.5f}) {
      check({2, 19, 1, false, true, true, clip, function});
      check({2, 19, 1, false, true, true, clip, {Function::Sigmoid}, function});
      check({2, 19, 1, true, false, false, clip, {Function::Sigmoid}, {Function::Tanh}, function});
    }
  }
}

TEST_P(RecurrentCell, NanReachesItsUnitOnly) {
  const int32_t n = 2 * isa().width + 1;
  for (int32_t unit = 0; unit < n; ++unit) {
    std::vector<float> gates(static_cast<size_t>(4) * n, 0.1f), c(static_cast<size_t>(n), 0.2f), h = c;
    gates[static_cast<size_t>(2 * n + unit)] = kNan;
    kernels().lstm_cell_f32({1,
                             n,
                             false,
                             kInf,
                             {Function::Sigmoid},
                             {Function::Tanh},
                             {Function::Tanh},
                             gates.data(),
                             4 * n,
                             nullptr,
                             c.data(),
                             n,
                             h.data(),
                             n});
    for (int32_t i = 0; i < n; ++i) EXPECT_EQ(std::isnan(h[static_cast<size_t>(i)]), i == unit);
    kernels().gru_cell_f32(
        {1, n, kInf, {Function::Sigmoid}, {Function::Tanh}, gates.data(), 4 * n, nullptr, 0, c.data(), n, h.data(), n});
    for (int32_t i = 0; i < n; ++i) EXPECT_EQ(std::isnan(h[static_cast<size_t>(i)]), i == unit);
  }
}

LINNET_INSTANTIATE_ISAS(RecurrentCell);

TEST(RecurrentPlan, BlocksFillTheTileTwiceAndNoMoreThanTheSequence) {
  for (const IsaTraits& isa : kIsaTraits) {
    for (int32_t batch = 1; batch < 40; ++batch) {
      for (const int32_t steps : {1, 2, 7, 100}) {
        for (const RecurrentKind kind : {RecurrentKind::Rnn, RecurrentKind::Lstm, RecurrentKind::Gru}) {
          const int32_t hidden = 5, sums = gate_count(kind, false) * hidden;
          const RecurrentPlan plan = plan_recurrent(kind, steps, batch, hidden, sums, isa);
          EXPECT_GE(plan.block, 1);
          EXPECT_LE(plan.block, steps);
          EXPECT_TRUE(plan.block == 1 || plan.block * batch <= 2 * isa.tile_rows);
          EXPECT_TRUE(plan.block == steps || (plan.block + 1) * batch > 2 * isa.tile_rows);
          EXPECT_GE(plan.candidate, int64_t{plan.block} * batch * sums);
          EXPECT_EQ(plan.scratch_bytes, 4 * (plan.candidate + (kind == RecurrentKind::Gru ? batch * hidden : 0)));
        }
      }
    }
  }
}

}  // namespace
}  // namespace linnet::kernels::test

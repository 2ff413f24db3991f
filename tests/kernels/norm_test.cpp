// Row and group normalization against their formulas in double.
#include "tests/kernels/support.hpp"
#include "tests/kernels/ulp.hpp"

namespace linnet::kernels::test {
namespace {

constexpr float kUntouched = 99.0f;

// y = (x - mean) * factor before gain and shift.
struct Statistics {
  double mean, factor;
};

Statistics statistics_of(NormKind kind, const std::vector<double>& values, double epsilon, bool outside) {
  const double count = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  if (kind == NormKind::Layer) {
    for (double x : values) mean += x / count;
  }
  for (double x : values) squares += (x - mean) * (x - mean);
  const double variance = kind == NormKind::L2 ? squares : squares / count;
  if (outside) return {mean, 1 / (std::sqrt(variance) + epsilon)};
  return {mean, 1 / (kind == NormKind::L2 ? std::max(std::sqrt(variance), epsilon) : std::sqrt(variance + epsilon))};
}

// The standardized x errs by the rounding of its row's or group's sums, which are of order 1.
::testing::AssertionResult matches(float got, double x, const Statistics& statistics, double gain, double shift,
                                   const Activation& activation) {
  Sum sum;
  sum.add((x - statistics.mean) * statistics.factor * gain);
  sum.add(shift);
  sum.magnitude += std::fabs(gain);
  return matches(got, sum, activation);
}

// `rows` runs of `columns` values, `stride` apart.
struct Layout {
  int32_t rows, columns;
  ptrdiff_t stride;
  size_t at(int32_t row, int32_t column) const { return static_cast<size_t>(row * stride + column); }
  size_t extent() const { return at(rows - 1, columns); }
};

// Dense values in rows of `layout`, kUntouched between them.
std::vector<float> spread(const std::vector<float>& dense, const Layout& layout) {
  std::vector<float> result(layout.extent(), kUntouched);
  for (int32_t r = 0; r < layout.rows; ++r) {
    for (int32_t c = 0; c < layout.columns; ++c) {
      result[layout.at(r, c)] = dense[static_cast<size_t>(r) * layout.columns + c];
    }
  }
  return result;
}

bool untouched_between_rows(const Guarded<float>& y, const Layout& layout) {
  for (size_t i = 0; i < y.size(); ++i) {
    if (static_cast<ptrdiff_t>(i) % layout.stride >= layout.columns && y[i] != kUntouched) return false;
  }
  return y.intact();
}

// Values of deviation about 1 around `mean`; float32 itself rounds them.
std::vector<float> around(float mean, size_t count, uint64_t seed) {
  return Random(seed).floats(count, mean - 1.7f, mean + 1.7f);
}

std::vector<int32_t> sizes_with_large(IsaId id) {
  std::vector<int32_t> sizes = sizes_with_tails(id);
  sizes.push_back(5003);
  return sizes;
}

// ---- rows ----------------------------------------------------------------------------------------------------------

class RowNormTest : public KernelTest {};

struct RowCase {
  NormKind kind;
  int32_t rows, size;
  bool has_gain = true, has_shift = true;
  int32_t x_gap = 0, y_gap = 0;
  float epsilon = 1e-5f;
  Activation activation = {};
  bool epsilon_outside = false;
};

void check(const KernelTable& kernels, const RowCase& c, const std::vector<float>& dense) {
  const Layout in{c.rows, c.size, c.size + c.x_gap}, out{c.rows, c.size, c.size + c.y_gap};
  const Guarded<float> x(spread(dense, in)), gain(Random(2).floats(static_cast<size_t>(c.size), 0.5f, 2.0f)),
      shift(Random(3).floats(static_cast<size_t>(c.size)));
  Guarded<float> y(std::vector<float>(out.extent(), kUntouched)), in_place(spread(dense, out));
  const float* gain_data = c.has_gain ? gain.data() : nullptr;
  const float* shift_data = c.has_shift ? shift.data() : nullptr;
  kernels.row_norm_f32({c.kind, c.rows, c.size, c.epsilon, c.epsilon_outside, x.data(), in.stride, gain_data,
                        shift_data, y.data(), out.stride, c.activation});
  kernels.row_norm_f32({c.kind, c.rows, c.size, c.epsilon, c.epsilon_outside, in_place.data(), out.stride, gain_data,
                        shift_data, in_place.data(), out.stride, c.activation});
  ASSERT_TRUE(untouched_between_rows(y, out));
  ASSERT_TRUE(untouched_between_rows(in_place, out));
  for (int32_t r = 0; r < c.rows; ++r) {
    ASSERT_EQ(std::memcmp(&y[out.at(r, 0)], &in_place[out.at(r, 0)], c.size * sizeof(float)), 0) << "in place";
    const std::vector<double> row(&x[in.at(r, 0)], &x[in.at(r, 0)] + c.size);
    const Statistics statistics = statistics_of(c.kind, row, c.epsilon, c.epsilon_outside);
    for (int32_t i = 0; i < c.size; ++i) {
      ASSERT_TRUE(matches(y[out.at(r, i)], row[i], statistics, c.has_gain ? gain[i] : 1, c.has_shift ? shift[i] : 0,
                          c.activation))
          << "kind " << static_cast<int>(c.kind) << " size " << c.size << " at " << r << ", " << i;
    }
  }
}

constexpr NormKind kKinds[] = {NormKind::Layer, NormKind::Rms, NormKind::L2};

TEST_P(RowNormTest, EveryKindAndTail) {
  for (const NormKind kind : kKinds) {
    for (int32_t size : sizes_with_large(GetParam())) {
      const std::vector<float> x = Random(81).floats(static_cast<size_t>(3) * size, -1.0f, 1.5f);
      for (int mode = 0; mode < 4; ++mode) {
        const bool has_gain = mode & 1, has_shift = mode & 2;
        check(kernels(), {kind, 3, size, has_gain, has_shift, mode, 3 - mode}, x);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(RowNormTest, EveryActivation) {
  for (int f = 0; f < kFunctionCount; ++f) {
    const Function function = static_cast<Function>(f);
    if (!is_smooth(function)) continue;
    for (const NormKind kind : kKinds) {
      check(kernels(), {kind, 2, 37, true, true, 0, 1, 1e-5f, activation_of(function)}, Random(82).floats(74));
    }
  }
}

TEST_P(RowNormTest, MeanFarAboveTheDeviation) {
  for (int32_t size : {7, 64, 1000, 100003}) {
    for (float mean : {1e4f, -1e4f, 3e5f}) {
      check(kernels(), {NormKind::Layer, 2, size}, around(mean, static_cast<size_t>(2) * size, 83));
    }
  }
}

TEST_P(RowNormTest, LongRowsStayAccurate) {
  for (const NormKind kind : kKinds) {
    check(kernels(), {kind, 1, 300007, false, false}, Random(84).floats(300007, 0.5f, 1.0f));
  }
}

TEST_P(RowNormTest, ConstantRows) {
  for (const NormKind kind : kKinds) {
    for (float value : {0.0f, 0.1f, -7.3f, 12345.678f}) {
      for (int32_t size : {1, 3, 37, 1000}) {
        check(kernels(), {kind, 1, size}, std::vector<float>(static_cast<size_t>(size), value));
      }
    }
  }
}

TEST_P(RowNormTest, LengthOfTinyAndHugeRows) {
  for (float scale : {1e-30f, 1e-22f, 1e15f, 1e25f, 1e36f}) {
    std::vector<float> x = Random(85).floats(74);
    for (float& value : x) value *= scale;
    check(kernels(), {NormKind::L2, 2, 37, true, true, 0, 0, 0.0f}, x);
    check(kernels(), {NormKind::L2, 2, 37, true, true, 0, 0, 1e-12f}, x);
  }
}

TEST_P(RowNormTest, EpsilonAndItsAbsence) {
  for (const NormKind kind : kKinds) {
    for (float epsilon : {0.0f, 1e-12f, 1e-3f, 10.0f}) {
      for (const bool outside : {false, true})
        check(kernels(), {kind, 2, 19, true, true, 0, 0, epsilon, {}, outside}, Random(86).floats(38));
    }
  }
}

TEST_P(RowNormTest, NanFillsItsRowOnly) {
  for (const NormKind kind : kKinds) {
    for (int32_t size : sizes_with_tails(GetParam())) {
      std::vector<float> x(static_cast<size_t>(2) * size, 0.5f), y(x.size());
      x[size - 1] = kNan;
      kernels().row_norm_f32({kind, 2, size, 1e-5f, false, x.data(), size, nullptr, nullptr, y.data(), size, {}});
      for (int32_t i = 0; i < 2 * size; ++i) ASSERT_EQ(std::isnan(y[i]), i < size) << "size " << size << " at " << i;
    }
  }
}

LINNET_INSTANTIATE_ISAS(RowNormTest);

// ---- groups --------------------------------------------------------------------------------------------------------

class GroupNormTest : public KernelTest {};

struct GroupCase {
  int32_t images, pixels, channels, groups;
  int32_t x_gap = 0, y_gap = 0;
  Activation activation = {};
  float epsilon = 1e-5f;
  bool epsilon_outside = false;
};

int32_t chunks_of(const GroupCase& c, int32_t chunk_pixels) {
  return (c.pixels + chunk_pixels - 1) / chunk_pixels;
}

size_t moments_size(const GroupCase& c, int32_t chunk_pixels) {
  return static_cast<size_t>(c.images) * chunks_of(c, chunk_pixels) * 3 * c.channels;
}

// Of every chunk of every image, as GroupNormArgs::moments.
void take_moments(const KernelTable& kernels, const GroupCase& c, int32_t chunk_pixels, const float* x,
                  ptrdiff_t x_stride, Guarded<float>& moments) {
  const int32_t chunks = chunks_of(c, chunk_pixels);
  for (int32_t i = 0; i < c.images * chunks; ++i) {
    const int32_t first = i % chunks * chunk_pixels;
    kernels.moments_f32({std::min(chunk_pixels, c.pixels - first), c.channels,
                         x + (i / chunks * static_cast<ptrdiff_t>(c.pixels) + first) * x_stride, x_stride,
                         moments.data() + static_cast<ptrdiff_t>(i) * 3 * c.channels, c.channels});
  }
}

void expect_normalized(const GroupCase& c, const Guarded<float>& x, const Layout& in, const Guarded<float>& y,
                       const Layout& out, const Guarded<float>& scale, const Guarded<float>& shift) {
  const int32_t size = c.channels / c.groups;
  for (int32_t n = 0; n < c.images; ++n) {
    for (int32_t g = 0; g < c.groups; ++g) {
      std::vector<double> values;
      for (int32_t p = n * c.pixels; p < (n + 1) * c.pixels; ++p) {
        for (int32_t i = g * size; i < (g + 1) * size; ++i) values.push_back(x[in.at(p, i)]);
      }
      const Statistics statistics = statistics_of(NormKind::Layer, values, c.epsilon, c.epsilon_outside);
      for (int32_t p = n * c.pixels; p < (n + 1) * c.pixels; ++p) {
        for (int32_t i = g * size; i < (g + 1) * size; ++i) {
          ASSERT_TRUE(matches(y[out.at(p, i)], x[in.at(p, i)], statistics, scale[i], shift[i], c.activation))
              << "pixels " << c.pixels << " channels " << c.channels << " groups " << c.groups << " at " << p << ", "
              << i;
        }
      }
    }
  }
}

// chunk_pixels 0: without moments.
void check(const KernelTable& kernels, const GroupCase& c, const std::vector<float>& dense, int32_t chunk_pixels) {
  SCOPED_TRACE("chunk_pixels " + std::to_string(chunk_pixels));
  const Layout in{c.images * c.pixels, c.channels, c.channels + c.x_gap};
  const Layout out{in.rows, c.channels, c.channels + c.y_gap};
  const Guarded<float> x(spread(dense, in)), scale(Random(4).floats(static_cast<size_t>(c.channels), 0.5f, 2.0f)),
      shift(Random(5).floats(static_cast<size_t>(c.channels)));
  Guarded<float> y(std::vector<float>(out.extent(), kUntouched)), in_place(spread(dense, out));
  Guarded<float> moments(std::vector<float>(chunk_pixels > 0 ? moments_size(c, chunk_pixels) : 0));
  if (chunk_pixels > 0) take_moments(kernels, c, chunk_pixels, x.data(), in.stride, moments);
  Scratch scratch(group_norm_scratch_bytes(c.channels));
  GroupNormArgs args{};
  args.pixels = args.pixel_end = c.pixels;
  args.channels = c.channels;
  args.groups = c.groups;
  args.epsilon = c.epsilon;
  args.epsilon_outside = c.epsilon_outside;
  args.moments = chunk_pixels > 0 ? moments.data() : nullptr;
  args.moments_stride = c.channels;
  args.chunk_pixels = chunk_pixels;
  args.scale = scale.data();
  args.shift = shift.data();
  args.y_stride = out.stride;
  args.activation = c.activation;
  args.scratch = scratch.data();
  const auto run = [&](int32_t begin, int32_t end, const float* from, ptrdiff_t from_stride, Guarded<float>& to) {
    args.image_begin = begin;
    args.image_end = end;
    args.x = from;
    args.x_stride = from_stride;
    args.y = to.data();
    kernels.group_norm_f32(args);
    ASSERT_TRUE(scratch.intact());
    ASSERT_TRUE(untouched_between_rows(to, out));
  };
  run(0, c.images, x.data(), in.stride, y);
  for (int32_t image = c.images - 1; image >= 0; --image) {
    if (chunk_pixels > 0) {  // otherwise the second part would take the first one's results for pixels of the image
      args.pixel_end = c.pixels / 2;
      run(image, image + 1, in_place.data(), out.stride, in_place);
      args.pixel_begin = args.pixel_end;
      args.pixel_end = c.pixels;
    }
    run(image, image + 1, in_place.data(), out.stride, in_place);
    args.pixel_begin = 0;
  }
  ASSERT_EQ(std::memcmp(y.data(), in_place.data(), y.size() * sizeof(float)), 0) << "image by image, in place";
  expect_normalized(c, x, in, y, out, scale, shift);
}

void check(const KernelTable& kernels, const GroupCase& c, const std::vector<float>& dense) {
  for (const int32_t chunk_pixels : {0, 7, c.pixels}) check(kernels, c, dense, chunk_pixels);
}

std::vector<float> uniform(const GroupCase& c) {
  return Random(91).floats(static_cast<size_t>(c.images) * c.pixels * c.channels, -1.0f, 1.5f);
}

TEST_P(GroupNormTest, EveryTailAndGroupCount) {
  for (int32_t channels : sizes_with_tails(GetParam())) {
    for (int32_t groups = 1; groups <= channels; ++groups) {
      if (channels % groups != 0) continue;
      const GroupCase c{2, 11, channels, groups, groups % 3, (groups + 1) % 3};
      check(kernels(), c, uniform(c));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(GroupNormTest, EveryPixelCount) {
  for (int32_t pixels : {1, 2, 63, 64, 65, 129, 4097}) {
    for (int32_t groups : {1, 5, 35}) {
      const GroupCase c{1, pixels, 35, groups};
      check(kernels(), c, uniform(c));
    }
  }
}

TEST_P(GroupNormTest, EveryActivation) {
  for (int f = 0; f < kFunctionCount; ++f) {
    const Function function = static_cast<Function>(f);
    if (!is_smooth(function)) continue;
    const GroupCase c{1, 9, 42, 6, 1, 2, activation_of(function)};
    check(kernels(), c, uniform(c));
  }
}

TEST_P(GroupNormTest, MeanFarAboveTheDeviation) {
  for (float mean : {1e4f, -1e4f, 3e5f}) {
    for (const GroupCase& c : {GroupCase{2, 49, 36, 4}, GroupCase{1, 3000, 35, 35}, GroupCase{1, 5000, 34, 1}}) {
      check(kernels(), c, around(mean, uniform(c).size(), 92));
    }
  }
}

TEST_P(GroupNormTest, LargeImagesStayAccurate) {
  for (const GroupCase& c : {GroupCase{1, 300007, 2, 2}, GroupCase{1, 40009, 6, 1}, GroupCase{1, 3, 8192, 1}}) {
    check(kernels(), c, Random(93).floats(uniform(c).size(), 0.5f, 1.0f));
  }
}

TEST_P(GroupNormTest, ConstantChannels) {
  for (float value : {0.0f, 0.1f, -7.3f, 12345.678f}) {
    for (int32_t groups : {1, 7, 21}) {
      const GroupCase c{1, 100, 21, groups};
      check(kernels(), c, std::vector<float>(uniform(c).size(), value));
    }
  }
}

TEST_P(GroupNormTest, EpsilonAndItsPlace) {
  for (float epsilon : {0.0f, 1e-12f, 1e-3f, 10.0f}) {
    for (const bool outside : {false, true}) {
      for (int32_t groups : {1, 7, 21}) {
        const GroupCase c{2, 13, 21, groups, 0, 1, {}, epsilon, outside};
        check(kernels(), c, uniform(c));
      }
    }
  }
}

TEST_P(GroupNormTest, NanFillsItsGroupOnly) {
  const int32_t channels = 21, pixels = 5, groups = 7;
  std::vector<float> x(static_cast<size_t>(pixels) * channels, 0.5f), y(x.size()), ones(channels, 1.0f);
  x[2 * channels + 7] = kNan;
  Scratch scratch(group_norm_scratch_bytes(channels));
  GroupNormArgs args{};
  args.image_end = 1;
  args.pixels = args.pixel_end = pixels;
  args.channels = channels;
  args.groups = groups;
  args.epsilon = 1e-5f;
  args.x = x.data();
  args.scale = args.shift = ones.data();
  args.y = y.data();
  args.x_stride = args.y_stride = channels;
  args.scratch = scratch.data();
  kernels().group_norm_f32(args);
  for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(std::isnan(y[i]), i % channels / 3 == 2) << "at " << i;
}

// The sums are about a point near the mean, from which they move to the mean without loss.
TEST_P(GroupNormTest, MomentsOfEveryTail) {
  for (int32_t channels : sizes_with_tails(GetParam())) {
    const GroupCase c{2, 13, channels, 1, channels % 3};
    const Layout in{c.images * c.pixels, c.channels, c.channels + c.x_gap};
    const Guarded<float> x(spread(around(1e3f, uniform(c).size(), 94), in));
    Guarded<float> moments(std::vector<float>(moments_size(c, 5)));
    take_moments(kernels(), c, 5, x.data(), in.stride, moments);
    for (int32_t chunk = 0; chunk < 2 * 3; ++chunk) {
      const int32_t first = chunk / 3 * 13 + chunk % 3 * 5, pixels = chunk % 3 == 2 ? 3 : 5;
      for (int32_t channel = 0; channel < channels; ++channel) {
        const float* row = moments.data() + static_cast<ptrdiff_t>(chunk) * 3 * channels + channel;
        double sum = 0, square = 0;
        for (int32_t p = first; p < first + pixels; ++p) {
          const double d = static_cast<double>(x[in.at(p, channel)]) - row[0];
          sum += d;
          square += d * d;
        }
        ASSERT_LT(std::abs(sum), 1e-3 * pixels) << "the point is a rounded mean";
        ASSERT_NEAR(row[channels], sum, 1e-6 * std::sqrt(square * pixels));
        ASSERT_NEAR(row[2 * channels], square, 1e-6 * square);
      }
    }
  }
}

LINNET_INSTANTIATE_ISAS(GroupNormTest);

}  // namespace
}  // namespace linnet::kernels::test

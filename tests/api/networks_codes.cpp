#include <random>

#include "kernels/pack_codes.hpp"
#include "kernels/pack_int8.hpp"
#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

const fb::Activation kRelu(fb::Function::Relu, 0, 0);
const fb::Activation kSilu(fb::Function::Silu, 0, 0);

using kernels::CodeKind;

uint32_t coded_weights(ModelBuilder& b, const kernels::CodeFormat& format, int32_t groups, int32_t k, int32_t n,
                       uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<uint8_t> codes(static_cast<size_t>(groups) * n * k);
  for (uint8_t& code : codes) code = static_cast<uint8_t>(engine() % (1u << format.bits));
  const int64_t grids = groups * n * kernels::code_groups(format, k);
  const std::vector<float> steps(static_cast<size_t>(grids), 0.1f), offsets(static_cast<size_t>(grids), -0.7f);
  const int32_t panels = (n - 1) / kernels::kPanel + 1;
  const std::vector<float> tables = random_floats(static_cast<size_t>(groups * panels) << format.bits, seed + 1);
  const std::vector<float> bias = random_floats(static_cast<size_t>(groups) * n, seed + 2);
  const kernels::CodesSource source = {
      format, codes.data(), steps.data(), offsets.data(), tables.data(), bias.data(), groups, n, k};
  std::vector<int8_t> packed(static_cast<size_t>(kernels::codes_packed_bytes(source)));
  kernels::pack_codes(source, reinterpret_cast<uint8_t*>(packed.data()));
  return b.buffer(packed);
}

void conv2d_codes(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({2, 9, 7, 6}), w = coded_weights(b, {4, CodeKind::Grid, 27, 8}, 2, 27, 10, 71);
  from_to(b, fb::CreateConv2D(b.fbb(), w, 2, 3, 3, 2, 1, 1, 2, 1, 2, &kRelu, 0, fb::WeightLayout::Panel16Codes), x,
          {2, 5, 7, 20});
}

// Outputs that threads divide, a residual in place and more inputs than are decoded at a time.
void conv2d_wide_codes(ModelBuilder& b) {
  const Shape shape = {1, 3, 2, 520};
  const uint32_t x = b.sliced_input({1, 3, 2, 300}), residual = b.sliced_input(shape);
  const uint32_t w = coded_weights(b, {2, CodeKind::OffsetGrid, 32, 0}, 1, 300, 520, 75);
  b.step(fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 1, 1, 1, 1, 0, 0, &kSilu, 0, fb::WeightLayout::Panel16Codes),
         {x, residual}, {residual});
  b.output_of(residual, shape);
}

void fully_connected_codes(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({5, 10}), tall = b.slice({5, 100}), y = b.slice({5, 7});
  const auto add = [&](uint32_t w, uint32_t from, uint32_t to) {
    b.step(fb::CreateFullyConnected(b.fbb(), w, &kRelu, false, 0, fb::WeightLayout::Panel16Codes), {from}, {to});
  };
  add(coded_weights(b, {4, CodeKind::Table, 0, 0}, 1, 10, 100, 77), x, tall);
  add(coded_weights(b, {4, CodeKind::OffsetGrid, 32, 0}, 1, 100, 7, 79), tall, y);
  b.output_of(y, {5, 7});
}

void fully_connected_row_codes(ModelBuilder& b) {
  const uint32_t x = b.sliced_input({1, 70}), y = b.slice({1, 150});
  b.step(fb::CreateFullyConnected(b.fbb(), coded_weights(b, {4, CodeKind::Grid, 32, 8}, 1, 70, 150, 83), &kSilu, false,
                                  0, fb::WeightLayout::Panel16Codes),
         {x}, {y});
  b.output_of(y, {1, 150});
}

constexpr fb::DataType kInt8 = fb::DataType::Int8;
constexpr int32_t kZeroPoint = 3;

// Weights of few numbers, whatever the panel.
uint32_t int8_coded_weights(ModelBuilder& b, const kernels::CodeFormat& format, int32_t groups, int32_t in, int32_t out,
                            int32_t kernel, fb::Rounding rounding, uint32_t seed) {
  const int32_t k = in * kernel * kernel, outputs = groups * out;
  std::mt19937 engine(seed);
  std::vector<int8_t> data(static_cast<size_t>(outputs) * k);
  for (int8_t& weight : data) weight = static_cast<int8_t>(17 * static_cast<int>(engine() % (1u << format.bits)) - 128);
  const std::vector<kernels::Factor> factors(static_cast<size_t>(outputs), ModelBuilder::int8_factor(rounding, 0.004f));
  const std::vector<int32_t> bias(static_cast<size_t>(outputs), 77);
  const kernels::ConvInt8Weights weights = {data.data(),    k,          kernel * kernel, kernel, 1,   bias.data(),
                                            factors.data(), kZeroPoint, groups,          in,     out, kernel,
                                            kernel};
  std::vector<int8_t> panels(kernels::conv2d_int8_packed_bytes(weights));
  kernels::pack_conv2d_int8(weights, panels.data());
  std::vector<int8_t> packed(static_cast<size_t>(kernels::int8_codes_packed_bytes(format, groups, out, k)));
  kernels::pack_int8_codes(format, panels.data(), groups, out, k, packed.data());
  return b.buffer(packed);
}

void conv2d_int8_codes(ModelBuilder& b) {
  b.quantize(0.05f, kZeroPoint);
  const uint32_t x = b.sliced_input({2, 9, 7, 6}, kInt8);
  const uint32_t w = int8_coded_weights(b, {4, CodeKind::Table, 0, 0}, 2, 3, 10, 3, fb::Rounding::FixedPoint, 91);
  const fb::Requantize requantize(fb::Rounding::FixedPoint, kZeroPoint, 127);
  from_to<kInt8>(b,
                 fb::CreateConv2D(b.fbb(), w, 2, 3, 3, 2, 1, 1, 2, 1, 2, nullptr, 0, fb::WeightLayout::Panel16Int8Codes,
                                  &requantize),
                 x, {2, 5, 7, 20});
}

// Outputs that threads divide, and more inputs than are decoded at a time.
void conv2d_wide_int8_codes(ModelBuilder& b) {
  b.quantize(0.05f, kZeroPoint);
  const uint32_t x = b.sliced_input({1, 3, 3, 1100}, kInt8);
  const uint32_t w = int8_coded_weights(b, {4, CodeKind::OutputTable, 0, 0}, 1, 1100, 530, 1, fb::Rounding::Float, 93);
  const fb::Requantize requantize(fb::Rounding::Float, -128, 127);
  from_to<kInt8>(b,
                 fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 1, 1, 1, 1, 0, 0, nullptr, 0, fb::WeightLayout::Panel16Int8Codes,
                                  &requantize),
                 x, {1, 3, 3, 530});
}

void fully_connected_int8_codes(ModelBuilder& b) {
  b.quantize(0.05f, kZeroPoint);
  const fb::Requantize requantize(fb::Rounding::FixedPoint, -128, 127);
  for (const int32_t rows : {1, 70}) {
    const uint32_t x = b.sliced_input({rows, 90}, kInt8);
    const uint32_t w =
        int8_coded_weights(b, {2, CodeKind::OutputTable, 0, 0}, 1, 90, 100, 1, fb::Rounding::FixedPoint, 95);
    from_to<kInt8>(
        b, fb::CreateFullyConnected(b.fbb(), w, nullptr, false, 0, fb::WeightLayout::Panel16Int8Codes, &requantize), x,
        {rows, 100});
  }
}

}  // namespace

std::vector<OperatorModel> coded_operator_models() {
  return {
      {"Conv2D_codes", conv2d_codes},
      {"Conv2D_wide_codes", conv2d_wide_codes},
      {"FullyConnected_codes", fully_connected_codes},
      {"FullyConnected_row_codes", fully_connected_row_codes},
      {"Conv2D_int8_codes", conv2d_int8_codes},
      {"Conv2D_wide_int8_codes", conv2d_wide_int8_codes},
      {"FullyConnected_int8_codes", fully_connected_int8_codes},
  };
}

}  // namespace linnet::test

// Sections of sparse weights that are no good are refused, whichever of their numbers is wrong.
#include <cstring>
#include <functional>

#include "kernels/pack_int8.hpp"
#include "kernels/pack_sparse.hpp"
#include "kernels/sparse/layout.hpp"
#include "tests/api/check_support.hpp"
#include "tests/api/networks.hpp"

namespace linnet::test {
namespace {

constexpr int32_t kInputs = 300, kOutputs = 20;  // two runs of positions, two panels

// Every third weight of every output.
std::vector<uint8_t> section(int32_t block) {
  std::vector<float> w(kInputs * kOutputs);
  for (size_t i = 0; i < w.size(); ++i) w[i] = i % kInputs % 3 == 0 ? 1.0f : 0.0f;
  const kernels::ConvWeights source = {w.data(), kInputs, 1, 0, 0, nullptr, 1, kInputs, kOutputs, 1, 1};
  std::vector<uint8_t> packed(static_cast<size_t>(kernels::sparse_packed_bytes(source, block)));
  kernels::pack_sparse(source, block, packed.data());
  return packed;
}

// A product, or a 1x1 convolution, with these weights.
void model(ModelBuilder& b, const std::vector<uint8_t>& packed, fb::WeightLayout layout, bool conv) {
  const uint32_t w = b.buffer(packed);
  if (conv) {
    const uint32_t x = b.input({1, 2, 2, kInputs}), y = b.output({1, 2, 2, kOutputs});
    b.step(fb::CreateConv2D(b.fbb(), w, 1, 1, 1, 1, 1, 1, 1, 0, 0, nullptr, 0, layout), {x}, {y});
  } else {
    const uint32_t x = b.input({4, kInputs}), y = b.output({4, kOutputs});
    b.step(fb::CreateFullyConnected(b.fbb(), w, nullptr, false, 0, layout), {x}, {y});
  }
}

struct Row {
  const char* name;
  linnet_status status;
  std::function<void(std::vector<uint8_t>&, const kernels::SparseLayout&)> spoil;
};

template <class T>
void put(std::vector<uint8_t>& bytes, int64_t offset, T number) {
  std::memcpy(bytes.data() + offset, &number, sizeof(number));
}
template <class T>
T get(const std::vector<uint8_t>& bytes, int64_t offset) {
  T number;
  std::memcpy(&number, bytes.data() + offset, sizeof(number));
  return number;
}

int64_t counts_at(const kernels::SparseLayout& layout) {
  return kernels::sparse_first_panel(layout, kOutputs) + layout.header_bytes;
}
// That of the first panel's last block.
int64_t last_index(const std::vector<uint8_t>& bytes, const kernels::SparseLayout& layout) {
  const int64_t counts = kernels::sparse_counts(layout, kInputs);
  int64_t at = counts_at(layout) + 2 * counts - 1;
  for (int64_t i = 0; i < counts; ++i) at += get<uint16_t>(bytes, counts_at(layout) + 2 * i);
  return at;
}

using Layout = kernels::SparseLayout;
const Row kRows[] = {
    {"Good", LINNET_OK, [](auto&, const Layout&) {}},
    {"EndBeforeBegin", LINNET_ERROR_RANGE, [](auto& bytes, const Layout&) { put<uint32_t>(bytes, 0, 3); }},
    {"EndBeyondBlock", LINNET_ERROR_RANGE,
     [](auto& bytes, const Layout&) { put<uint32_t>(bytes, 4, static_cast<uint32_t>(bytes.size()) + 64); }},
    {"EndEnormous", LINNET_ERROR_RANGE, [](auto& bytes, const Layout&) { put<uint32_t>(bytes, 4, UINT32_MAX); }},
    {"EndTooLate", LINNET_ERROR_RANGE,
     [](auto& bytes, const Layout& layout) {
       put<uint32_t>(bytes, 0, get<uint32_t>(bytes, 0) + static_cast<uint32_t>(layout.block_bytes()));
     }},
    {"CountTooLarge", LINNET_ERROR_RANGE,
     [](auto& bytes, const Layout& layout) { put<uint16_t>(bytes, counts_at(layout), 257); }},
    {"CountOfLastRunTooLarge", LINNET_ERROR_RANGE,
     [](auto& bytes, const Layout& layout) { put<uint16_t>(bytes, counts_at(layout) + 2 * layout.rows(), 45); }},
    {"CountsDoNotFit", LINNET_ERROR_RANGE,
     [](auto& bytes, const Layout& layout) { put<uint16_t>(bytes, counts_at(layout), 200); }},
    {"IndexTooLarge", LINNET_ERROR_RANGE,
     [](auto& bytes, const Layout& layout) { bytes[static_cast<size_t>(last_index(bytes, layout))] = 44; }},
    {"LargestIndex", LINNET_OK,
     [](auto& bytes, const Layout& layout) { bytes[static_cast<size_t>(last_index(bytes, layout))] = 43; }},
    {"TooShort", LINNET_ERROR_RANGE, [](auto& bytes, const Layout&) { bytes.resize(bytes.size() - 64); }},
    {"Empty", LINNET_ERROR_RANGE, [](auto& bytes, const Layout&) { bytes.resize(4); }},
};

TEST(SparseCheck, RefusesBrokenSections) {
  for (const Row& row : kRows) {
    for (const auto& [block, layout] : {std::pair{1, fb::WeightLayout::SparseFloat32},
                                        {4, fb::WeightLayout::Sparse4Float32},
                                        {16, fb::WeightLayout::Sparse16Float32}}) {
      for (const bool conv : {false, true}) {
        SCOPED_TRACE(::testing::Message() << row.name << " block " << block << (conv ? " conv" : " linear"));
        std::vector<uint8_t> packed = section(block);
        row.spoil(packed, {block, kernels::kSparseFloatHeader});
        ModelBuilder b;
        model(b, packed, layout, conv);
        expect_status(b.finish(), row.status, row.status == LINNET_OK ? -1 : 0, -1);
      }
    }
  }
}

TEST(SparseCheck, RefusesGroups) {
  ModelBuilder b;
  const uint32_t w = b.buffer(section(1)), x = b.input({1, 2, 2, 2 * kInputs}), y = b.output({1, 2, 2, 2 * kOutputs});
  b.step(fb::CreateConv2D(b.fbb(), w, 2, 1, 1, 1, 1, 1, 1, 0, 0, nullptr, 0, fb::WeightLayout::SparseFloat32), {x},
         {y});
  expect_status(b.finish(), LINNET_ERROR_SHAPE, 0, -1);
}

// A product of int8 with 8 inputs and 20 outputs, whose output 17 has this multiplier.
void int8_model(ModelBuilder& b, int32_t multiplier, int32_t inputs = 8, bool integer = true) {
  b.quantize(0.5f, 1);
  const std::vector<int8_t> weights(8 * kOutputs, 1);
  const std::vector<kernels::Factor> factors(kOutputs, {1 << 30, 0});
  const kernels::ConvInt8Weights w = {weights.data(), 8, 1, 0, 0, nullptr, factors.data(), 1, 1, 8, kOutputs, 1, 1};
  std::vector<int8_t> panels(static_cast<size_t>(kernels::conv2d_int8_packed_bytes(w)));
  kernels::pack_conv2d_int8(w, panels.data());
  std::vector<uint8_t> packed(static_cast<size_t>(kernels::sparse_int8_packed_bytes(panels.data(), kOutputs, 8)));
  kernels::pack_sparse_int8(panels.data(), kOutputs, 8, packed.data());
  put(packed, get<uint32_t>(packed, 0) + 4 * (2 * kernels::kPanel + 1), multiplier);
  const fb::DataType type = integer ? fb::DataType::Int8 : fb::DataType::Float32;
  const uint32_t x = b.input({2, inputs}, type), y = b.output({2, kOutputs}, type);
  const fb::Requantize requantize(fb::Rounding::FixedPoint, -128, 127);
  b.step(fb::CreateFullyConnected(b.fbb(), b.buffer(packed), nullptr, false, 0, fb::WeightLayout::SparseInt8,
                                  integer ? &requantize : nullptr),
         {x}, {y});
}

TEST(SparseCheck, Int8) {
  const auto expect = [](linnet_status status, int step, int tensor, auto... arguments) {
    ModelBuilder b;
    int8_model(b, arguments...);
    expect_status(b.finish(), status, step, tensor);
  };
  expect(LINNET_OK, -1, -1, 1 << 30);
  expect(LINNET_ERROR_SHAPE, 0, -1, INT32_MIN);
  expect(LINNET_ERROR_SHAPE, 0, 0, 1 << 30, 6);
  expect(LINNET_ERROR_RANGE, 0, -1, 1 << 30, 2000);
  expect(LINNET_ERROR_MODEL_CORRUPT, 0, -1, 1 << 30, 8, false);
}

}  // namespace
}  // namespace linnet::test

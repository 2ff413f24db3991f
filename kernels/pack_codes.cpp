#include "kernels/pack_codes.hpp"

#include <cstring>

namespace linnet::kernels {
namespace {

class Packer {
 public:
  Packer(const CodesSource& source, uint8_t* out) : source_(source), out_(out) {
    std::memset(out, 0, kCodesHeaderBytes);
    std::memcpy(out, &source.format, sizeof(source.format));
    out_ += kCodesHeaderBytes;
  }

  // `valid` outputs from `first` on, in a panel of `width`.
  void pack_panel(int64_t first, int32_t width, int32_t valid, const float* table) {
    const CodeFormat& format = source_.format;
    const int32_t inputs = 32 / format.bits;
    put_row(width, valid, [&](int32_t i) { return source_.bias ? source_.bias[first + i] : 0.0f; });
    if (format.kind == CodeKind::Table)
      put_row(1 << format.bits, 1 << format.bits, [&](int32_t i) { return table[i]; });
    const int64_t groups = code_groups(format, source_.k);
    for (int64_t g = 0; g < groups; ++g) {
      put_row(width, valid, [&](int32_t i) { return source_.steps[(first + i) * groups + g]; });
      if (format.kind == CodeKind::OffsetGrid)
        put_row(width, valid, [&](int32_t i) { return source_.offsets[(first + i) * groups + g]; });
    }
    for (int32_t begin = 0; begin < source_.k; begin += inputs) {
      put_row(width, valid, [&](int32_t i) {
        uint32_t word = 0;
        for (int32_t j = 0; j < inputs && begin + j < source_.k; ++j)
          word |= static_cast<uint32_t>(source_.codes[(first + i) * source_.k + begin + j]) << (j * format.bits);
        return word;
      });
    }
  }

 private:
  const CodesSource& source_;
  uint8_t* out_;

  template <class Number>
  void put_row(int32_t width, int32_t valid, Number number) {
    for (int32_t i = 0; i < width; ++i, out_ += 4) {
      decltype(number(0)) value{};
      if (i < valid) value = number(i);
      std::memcpy(out_, &value, 4);
    }
  }
};

}  // namespace

int64_t codes_packed_bytes(const CodesSource& source) {
  return kCodesHeaderBytes + source.groups * panel_codes_bytes(source.format, source.out_channels, source.k);
}

void pack_codes(const CodesSource& source, uint8_t* packed) {
  Packer packer(source, packed);
  const float* table = source.tables;
  for (int32_t group = 0; group < source.groups; ++group) {
    for (int32_t column = 0, width; column < source.out_channels; column += width) {
      const int32_t left = source.out_channels - column;
      width = left > kTailPanel ? kPanel : kTailPanel;
      packer.pack_panel(int64_t{group} * source.out_channels + column, width, left < width ? left : width, table);
      if (source.format.kind == CodeKind::Table) table += 1 << source.format.bits;
    }
  }
}

}  // namespace linnet::kernels

#include "kernels/pack_codes.hpp"

#include <cstring>

namespace linnet::kernels {
namespace {

void put_format(const CodeFormat& format, void* header) {
  std::memset(header, 0, kCodesHeaderBytes);
  std::memcpy(header, &format, sizeof(format));
}

class Packer {
 public:
  Packer(const CodesSource& source, uint8_t* out) : source_(source), out_(out + kCodesHeaderBytes) {
    put_format(source.format, out);
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

// The different numbers of some weights, in rising order, as far as a table holds them.
class Numbers {
 public:
  void add(int8_t number) { seen_[number + 128] = true; }
  int32_t count() const {
    int32_t all = 0;
    for (const bool seen : seen_) all += seen;
    return all;
  }
  // The table, and the code of each of its numbers.
  void tabulate(int8_t* table, uint8_t* codes) const {
    int32_t code = 0;
    for (int32_t i = 0; i < 256; ++i) {
      if (!seen_[i]) continue;
      table[code] = static_cast<int8_t>(i - 128);
      codes[i] = static_cast<uint8_t>(code++);
    }
  }

 private:
  bool seen_[256] = {};
};

// One panel of Panel16Int8Codes, of `width` columns, of which `valid` are outputs.
class Int8Packer {
 public:
  Int8Packer(const CodeFormat& format, const int8_t* panel, int32_t width, int32_t valid, int32_t k)
      : format_(format), weights_(panel + kPanelHeader * width), width_(width), valid_(valid), k_(k) {}

  void pack(int8_t* out) {
    std::memcpy(out, weights_ - kPanelHeader * width_, static_cast<size_t>(kPanelHeader * width_));
    put_tables(out + kPanelHeader * width_);
    const int32_t parts = 8 / format_.bits, fours = width_ / 4;
    out += int8_codes_head_bytes(format_, width_);
    for (int32_t begin = 0; begin < k_; begin += kCodeInputs) {
      for (int32_t first = 0; first < 4; first += parts) {
        for (int32_t four = 0; four < fours; ++four) {
          for (int32_t j = 0; j < kCodeInputs; ++j) {
            int32_t byte = 0;
            for (int32_t i = 0; i < parts; ++i) byte |= code(four, first + i, begin, j) << (i * format_.bits);
            *out++ = static_cast<int8_t>(byte);
          }
        }
      }
    }
  }

 private:
  const CodeFormat& format_;
  const int8_t* weights_;
  int32_t width_, valid_, k_;
  uint8_t codes_[kPanel][256] = {};

  int8_t weight(int32_t column, int32_t input) const {
    return weights_[(ptrdiff_t{input / kDot} * width_ + column) * kDot + input % kDot];
  }
  // Byte j of the four outputs' part, of the block of inputs from `begin` on.
  int32_t code(int32_t four, int32_t part, int32_t begin, int32_t j) const {
    const bool by_output = format_.kind == CodeKind::OutputTable;
    const int32_t column = four * 4 + (by_output ? part : j / kDot);
    const int32_t input = begin + (by_output ? j : part * kDot + j % kDot);
    if (column >= valid_ || input >= k_) return 0;
    return codes_[by_output ? column : 0][weight(column, input) + 128];
  }
  void put_table(int32_t column, int32_t end, int8_t* table) {
    Numbers numbers;
    for (int32_t output = column; output < end && output < valid_; ++output)
      for (int32_t input = 0; input < k_; ++input) numbers.add(weight(output, input));
    numbers.tabulate(table, codes_[column]);
  }
  void put_tables(int8_t* tables) {
    std::memset(tables, 0, static_cast<size_t>(int8_codes_head_bytes(format_, width_) - kPanelHeader * width_));
    if (format_.kind == CodeKind::Table) return put_table(0, width_, tables);
    const int32_t fours = width_ / 4;
    for (int32_t i = 0; i < 4; ++i)
      for (int32_t four = 0; four < fours; ++four)
        put_table(four * 4 + i, four * 4 + i + 1, tables + (i * fours + four) * kInt8TableBytes);
  }
};

// The most different numbers that an output has, or a panel.
int32_t most_numbers(const int8_t* weights, int32_t groups, int32_t out_channels, int32_t k, int32_t together) {
  int32_t most = 0;
  for (int32_t group = 0; group < groups; ++group) {
    for (int32_t first = 0; first < out_channels; first += together) {
      const int32_t end = first + together < out_channels ? first + together : out_channels;
      Numbers numbers;
      for (int32_t output = first; output < end; ++output, weights += k)
        for (int32_t i = 0; i < k; ++i) numbers.add(weights[i]);
      most = numbers.count() > most ? numbers.count() : most;
    }
  }
  return most;
}

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

CodeFormat int8_code_format(const int8_t* weights, int32_t groups, int32_t out_channels, int32_t k) {
  constexpr CodeKind kKinds[] = {CodeKind::Table, CodeKind::OutputTable};
  CodeFormat smallest;
  int64_t bytes = groups * panel_int8_bytes(out_channels, k);
  for (const CodeKind kind : kKinds) {
    const int32_t most = most_numbers(weights, groups, out_channels, k, kind == CodeKind::Table ? kPanel : 1);
    if (most > 16) continue;
    const CodeFormat format = {most > 4 ? 4 : 2, kind, 0, 0};
    const int64_t wanted = int8_codes_packed_bytes(format, groups, out_channels, k);
    if (wanted >= bytes) continue;
    smallest = format;
    bytes = wanted;
  }
  return smallest;
}

int64_t int8_codes_packed_bytes(const CodeFormat& format, int32_t groups, int32_t n, int32_t k) {
  return kCodesHeaderBytes + groups * panel_int8_codes_bytes(format, n, k);
}

void pack_int8_codes(const CodeFormat& format, const int8_t* panels, int32_t groups, int32_t n, int32_t k,
                     int8_t* packed) {
  put_format(format, packed);
  packed += kCodesHeaderBytes;
  for (int32_t group = 0; group < groups; ++group) {
    for (int32_t column = 0, width; column < n; column += width) {
      width = n - column > kTailPanel ? kPanel : kTailPanel;
      Int8Packer(format, panels, width, n - column < width ? n - column : width, k).pack(packed);
      panels += panel_int8_bytes(width, k);
      packed += int8_codes_panel_bytes(format, width, k);
    }
  }
}

}  // namespace linnet::kernels

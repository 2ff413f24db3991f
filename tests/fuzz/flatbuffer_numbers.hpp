// Mutation of the numbers in a FlatBuffer, in place.
#pragma once

#include <climits>
#include <cstring>
#include <iterator>
#include <random>
#include <vector>

#include "flatbuffers/minireflect.h"

namespace linnet::fuzz {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  uint32_t below(size_t limit) { return limit == 0 ? 0 : static_cast<uint32_t>(engine_() % limit); }
  bool one_in(uint32_t count) { return below(count) == 0; }
  uint32_t bits() { return static_cast<uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

struct Scalar {
  uint8_t* at;
  size_t bytes;

  int64_t get() const {
    int64_t value = 0;
    memcpy(&value, at, bytes);
    return bytes == 4 ? static_cast<int32_t>(value) : value;
  }
  void set(int64_t value) const { memcpy(at, &value, bytes); }
};

// Every number of a packed buffer but the types of unions and the bytes of fields called `data`.
class Scalars : public flatbuffers::IterationVisitor {
 public:
  Scalars(uint8_t* packed, const flatbuffers::TypeTable* type) { flatbuffers::IterateFlatBuffer(packed, type, this); }

  void Field(size_t, size_t, flatbuffers::ElementaryType type, bool is_vector, const flatbuffers::TypeTable*,
             const char* name, const uint8_t* value) override {
    in_data_ = strcmp(name, "data") == 0;
    if (!is_vector) add(type, value);
  }
  void Element(size_t, flatbuffers::ElementaryType type, const flatbuffers::TypeTable*, const uint8_t* value) override {
    if (!in_data_) add(type, value);
  }

  void mutate(Random* random) {
    if (found_.empty()) return;
    const Scalar chosen = found_[random->below(found_.size())];
    const int64_t before = chosen.get(), after = value(before, random);
    chosen.set(after);
    if (chosen.bytes != 4 || before == 0 || !random->one_in(3)) return;
    for (const Scalar& scalar : found_) {
      if (scalar.bytes == 4 && scalar.get() == before) scalar.set(after);
    }
  }

 private:
  std::vector<Scalar> found_;
  bool in_data_ = false;

  void add(flatbuffers::ElementaryType type, const uint8_t* value) {
    const bool is_number =
        type != flatbuffers::ET_UTYPE && type != flatbuffers::ET_SEQUENCE && type != flatbuffers::ET_STRING;
    if (value != nullptr && is_number)
      found_.push_back({const_cast<uint8_t*>(value), flatbuffers::InlineSize(type, nullptr)});
  }

  int64_t value(int64_t before, Random* random) const {
    constexpr int64_t kInteresting[] = {0,  1,  2,  3,       -1,      7,           8,       15,
                                        16, 17, 64, INT_MAX, INT_MIN, INT_MAX - 1, 1 << 30, 1 << 16};
    switch (random->below(7)) {
      case 0:
        return kInteresting[random->below(std::size(kInteresting))];
      case 1:
        return found_[random->below(found_.size())].get();
      case 2:
        return random->one_in(2) ? static_cast<int64_t>(static_cast<uint64_t>(before) * 2) : before / 2;
      case 3:
        return (int64_t{1} << random->below(33)) + random->below(3) - 1;
      case 4:
        return static_cast<int32_t>(random->bits());
      default:
        return static_cast<int64_t>(static_cast<uint64_t>(before) + static_cast<uint64_t>(random->below(9)) - 4);
    }
  }
};

template <class T>
T& any_of(std::vector<T>& list, Random* random) {
  return list[random->below(list.size())];
}

}  // namespace linnet::fuzz

// SPDX-License-Identifier: Apache-2.0
//
// Decisions out of the fuzzer's bytes: each takes the next ones, and after the last byte everything is 0. So
// a mutation of one byte changes one decision, and every input means something.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

namespace fettle::fuzz {

class ByteSource {
 public:
  ByteSource(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  bool empty() const { return left_.empty(); }
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const std::uint8_t value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  /// A whole number from low to high, both included; a byte where that is enough.
  std::int64_t number(std::int64_t low, std::int64_t high) {
    const auto range = static_cast<std::uint64_t>(high - low) + 1;
    std::uint64_t value = byte();
    for (std::uint64_t reach = 256; reach < range && reach < (std::uint64_t{1} << 48); reach <<= 8)
      value = value << 8 | byte();
    return low + static_cast<std::int64_t>(value % range);
  }
  /// A place from 0 to last, for iterators.
  std::ptrdiff_t index(std::int64_t last) { return static_cast<std::ptrdiff_t>(number(0, last)); }
  /// True once in `every` times.
  bool once_in(int every) { return number(0, every - 1) == every - 1; }
  template <typename Range>
  auto& one_of(Range& range) {
    return *(std::begin(range) + index(static_cast<std::int64_t>(std::size(range)) - 1));
  }

 private:
  std::span<const std::uint8_t> left_;
};

}  // namespace fettle::fuzz

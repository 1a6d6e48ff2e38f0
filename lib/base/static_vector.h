// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace fettle {

/// Up to `capacity` elements without heap memory, for tables that are put together once. Adding another stops
/// the program: what goes into such a table is settled when the library is built, so any run shows that the
/// capacity is too small.
template <typename T, std::size_t capacity>
class StaticVector {
 public:
  constexpr void push_back(const T& element) noexcept {
    if (size_ == capacity) __builtin_trap();
    elements_[size_++] = element;
  }
  constexpr std::span<const T> span() const noexcept { return {elements_.data(), size_}; }

 private:
  std::array<T, capacity> elements_{};
  std::size_t size_ = 0;
};

}  // namespace fettle

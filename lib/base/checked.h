// SPDX-License-Identifier: Apache-2.0
//
// Integer arithmetic on sizes that come from files: the one place where overflow is checked.
#pragma once

#include <fettle/types.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace fettle {

template <typename T>
std::optional<T> checked_add(T a, T b) noexcept {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

template <typename T>
std::optional<T> checked_mul(T a, T b) noexcept {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// Product of extents; nothing when an extent is negative, or the product exceeds `most`.
inline std::optional<std::int64_t> checked_elements(
    std::span<const std::int64_t> dims,
    std::int64_t most = std::numeric_limits<std::int64_t>::max()) noexcept {
  std::int64_t elements = 1;
  bool empty = false;
  for (std::int64_t extent : dims) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) {
      empty = true;
      continue;
    }
    // Extents beside a 0 are checked too: 0 x 2^62 x 2^62 is no sensible shape.
    const std::optional<std::int64_t> product = checked_mul(elements, extent);
    if (!product || *product > most) return std::nullopt;
    elements = *product;
  }
  return empty ? 0 : elements;
}

/// Bytes of that many elements of a type.
inline std::optional<std::size_t> checked_bytes(std::int64_t elements, DataType type) noexcept {
  if (elements < 0) return std::nullopt;
  return checked_mul<std::size_t>(static_cast<std::size_t>(elements), size_of(type));
}

}  // namespace fettle

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace fettle {

/// The bytes of a constant: dense, row-major, little-endian, immutable, shared. `owner` keeps `bytes` alive
/// (a mapped file, a heap block). Always aligned to its element size.
struct Constant {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;

  template <typename T>
  std::span<const T> values() const noexcept {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

}  // namespace fettle

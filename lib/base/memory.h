// SPDX-License-Identifier: Apache-2.0
//
// Aligned memory whose allocation may fail with an Error.
#pragma once

#include <fettle/error.h>

#include <cstddef>
#include <span>
#include <utility>

namespace fettle {

/// A block aligned to 64 bytes (a cache line, and the widest vector). Owns its memory; moves, never copies.
/// From kHugePage on it is aligned to that, and Linux is asked to back all whole ones by huge pages: a
/// network reads its weights from one end to the other in every run, and would wait for the translation of
/// each small page.
class AlignedBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;

  /// Error: kOutOfMemory, naming the size. A size of 0 gives an empty buffer.
  static Result<AlignedBuffer> allocate(std::size_t bytes);

  AlignedBuffer() = default;
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~AlignedBuffer();

  std::span<std::byte> bytes() const noexcept { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace fettle

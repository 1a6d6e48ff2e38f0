// SPDX-License-Identifier: Apache-2.0
//
// Memory between two pages that nobody may touch: a read or write past either end stops the test at once.
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

namespace fettle::test {

/// Where the bytes lie between the guard pages.
enum class Against { start, end };

/// `size` bytes, of which `slack` more may be read. What is not the caller's is filled with a pattern, and
/// checked.
class GuardedBuffer {
 public:
  GuardedBuffer(std::size_t size, Against against, std::size_t slack = 0, std::size_t alignment = 4)
      : size_(size) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t room = std::max<std::size_t>(1, (size + slack + alignment + page - 1) / page) * page;
    mapped_ = room + 2 * page;
    base_ = static_cast<std::byte*>(mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(base_ != MAP_FAILED);
    begin_ = base_ + page;
    end_ = begin_ + room;
    REQUIRE(mprotect(begin_, room, PROT_READ | PROT_WRITE) == 0);
    std::memset(begin_, kPattern, room);
    data_ =
        against == Against::start ? begin_ : end_ - (size + slack + alignment - 1) / alignment * alignment;
  }
  GuardedBuffer(GuardedBuffer&& other) noexcept { swap(other); }
  GuardedBuffer& operator=(GuardedBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~GuardedBuffer() {
    if (base_ != nullptr) munmap(base_, mapped_);
  }
  std::byte* data() const { return data_; }
  std::span<std::byte> bytes() const { return {data_, size_}; }
  /// Whether everything around the bytes still holds the pattern.
  bool surroundings_intact() const {
    const auto untouched = [](std::byte byte) { return byte == std::byte{kPattern}; };
    return std::all_of(begin_, data_, untouched) && std::all_of(data_ + size_, end_, untouched);
  }
  /// The pattern of bytes that nobody has written: as floats, NaN.
  static constexpr unsigned char kPattern = 0xff;

 private:
  void swap(GuardedBuffer& other) {
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
    std::swap(base_, other.base_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(data_, other.data_);
  }
  std::size_t size_ = 0;
  std::size_t mapped_ = 0;
  std::byte* base_ = nullptr;
  std::byte* begin_ = nullptr;
  std::byte* end_ = nullptr;
  std::byte* data_ = nullptr;
};

}  // namespace fettle::test

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
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace fettle::test {

/// Where the bytes lie between the guard pages.
enum class Against { start, end };

/// Pages that may be read and written between two that may not. Mapping them takes far longer than most
/// layers run, so those that are no longer needed are kept for who next wants as many. For one thread.
class GuardedPages {
 public:
  static std::span<std::byte> take(std::size_t bytes) {
    std::vector<std::byte*>& kept = kept_pages()[bytes];
    if (!kept.empty()) {
      std::byte* begin = kept.back();
      kept.pop_back();
      return {begin, bytes};
    }
    void* base = mmap(nullptr, bytes + 2 * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(base != MAP_FAILED);
    std::byte* begin = static_cast<std::byte*>(base) + page_size();
    REQUIRE(mprotect(begin, bytes, PROT_READ | PROT_WRITE) == 0);
    return {begin, bytes};
  }
  static void give_back(std::span<std::byte> pages) {
    if (pages.size() <= kKeptBytes)
      kept_pages()[pages.size()].push_back(pages.data());
    else
      munmap(pages.data() - page_size(), pages.size() + 2 * page_size());
  }
  static std::size_t page_size() {
    static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return size;
  }

 private:
  static constexpr std::size_t kKeptBytes = std::size_t{1} << 18;
  static std::map<std::size_t, std::vector<std::byte*>>& kept_pages() {
    static std::map<std::size_t, std::vector<std::byte*>> kept;
    return kept;
  }
};

/// `size` bytes, of which `slack` more may be read. What is not the caller's is filled with a pattern, and
/// checked.
class GuardedBuffer {
 public:
  GuardedBuffer(std::size_t size, Against against, std::size_t slack = 0, std::size_t alignment = 4)
      : size_(size) {
    const std::size_t page = GuardedPages::page_size();
    const std::size_t room = std::max<std::size_t>(1, (size + slack + alignment + page - 1) / page) * page;
    pages_ = GuardedPages::take(room);
    std::memset(pages_.data(), kPattern, room);
    const std::size_t from_end = (size + slack + alignment - 1) / alignment * alignment;
    data_ = pages_.data() + (against == Against::start ? 0 : room - from_end);
  }
  GuardedBuffer(GuardedBuffer&& other) noexcept { swap(other); }
  GuardedBuffer& operator=(GuardedBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~GuardedBuffer() {
    if (!pages_.empty()) GuardedPages::give_back(pages_);
  }
  std::byte* data() const { return data_; }
  std::span<std::byte> bytes() const { return {data_, size_}; }
  /// Whether everything around the bytes still holds the pattern.
  bool surroundings_intact() const {
    const auto untouched = [](std::byte byte) { return byte == std::byte{kPattern}; };
    const std::byte* begin = pages_.data();
    const std::byte* end = begin + pages_.size();
    const std::byte* data = data_;
    return std::all_of(begin, data, untouched) && std::all_of(data + size_, end, untouched);
  }
  /// The pattern of bytes that nobody has written: as floats, NaN.
  static constexpr unsigned char kPattern = 0xff;

 private:
  void swap(GuardedBuffer& other) {
    std::swap(size_, other.size_);
    std::swap(pages_, other.pages_);
    std::swap(data_, other.data_);
  }
  std::size_t size_ = 0;
  std::span<std::byte> pages_;
  std::byte* data_ = nullptr;
};

}  // namespace fettle::test

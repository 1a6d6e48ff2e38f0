// SPDX-License-Identifier: Apache-2.0
#include "lib/base/memory.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstdint>
#include <cstdlib>
#include <string>

namespace fettle {
namespace {

// Does nothing where the system has no huge pages, or gives them to nobody.
void ask_for_huge_pages([[maybe_unused]] std::byte* data, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  static_cast<void>(
      madvise(data, bytes / AlignedBuffer::kHugePage * AlignedBuffer::kHugePage, MADV_HUGEPAGE));
#endif
}

}  // namespace

Result<AlignedBuffer> AlignedBuffer::allocate(std::size_t bytes) {
  AlignedBuffer buffer;
  if (bytes == 0) return buffer;
  const bool large = bytes >= kHugePage;
  if (bytes <= SIZE_MAX - kAlignment) {
    const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    void* data = nullptr;
    if (posix_memalign(&data, large ? kHugePage : kAlignment, rounded) == 0)
      buffer.data_ = static_cast<std::byte*>(data);
  }
  if (buffer.data_ == nullptr)
    return Error(ErrorCode::kOutOfMemory, "out of memory: " + std::to_string(bytes) + " bytes");
  buffer.size_ = bytes;
  if (large) ask_for_huge_pages(buffer.data_, bytes);
  return buffer;
}

AlignedBuffer::~AlignedBuffer() { std::free(data_); }

}  // namespace fettle

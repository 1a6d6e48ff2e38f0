// SPDX-License-Identifier: Apache-2.0
#include "lib/base/memory.h"

#include <cstdint>
#include <cstdlib>
#include <string>

namespace fettle {

Result<AlignedBuffer> AlignedBuffer::allocate(std::size_t bytes) {
  AlignedBuffer buffer;
  if (bytes == 0) return buffer;
  if (bytes <= SIZE_MAX - kAlignment) {
    const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    buffer.data_ = static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded));
  }
  if (buffer.data_ == nullptr)
    return Error(ErrorCode::kOutOfMemory, "out of memory: " + std::to_string(bytes) + " bytes");
  buffer.size_ = bytes;
  return buffer;
}

AlignedBuffer::~AlignedBuffer() { std::free(data_); }

}  // namespace fettle

// SPDX-License-Identifier: Apache-2.0
#include "tuner/io/stb.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

// Before each piece of memory that a decoder has.
struct alignas(std::max_align_t) Block {
  Block* before;
  Block* after;
  std::size_t bytes;  // with this
};

// Memory of the calling thread's decoder: zeroed, limited, and known, so that it can be given back when the
// decoder is left in the middle.
struct Heap {
  std::size_t left = 0;
  bool exceeded = false;
  Block* first = nullptr;
};
thread_local Heap heap;

void* stb_allocate(std::size_t size) {
  const std::size_t bytes = size + sizeof(Block);
  auto* block = bytes < size || bytes > heap.left ? nullptr : static_cast<Block*>(std::calloc(bytes, 1));
  if (block == nullptr) {
    heap.exceeded = true;
    return nullptr;
  }
  *block = {nullptr, heap.first, bytes};
  if (heap.first != nullptr) heap.first->before = block;
  heap.first = block;
  heap.left -= bytes;
  return block + 1;
}

void stb_free(void* memory) {
  if (memory == nullptr) return;
  Block* block = static_cast<Block*>(memory) - 1;
  (block->before != nullptr ? block->before->after : heap.first) = block->after;
  if (block->after != nullptr) block->after->before = block->before;
  heap.left += block->bytes;
  std::free(block);
}

void* stb_reallocate(void* memory, std::size_t size) {
  void* larger = stb_allocate(size);
  if (larger == nullptr || memory == nullptr) return larger;
  std::memcpy(larger, memory, std::min(size, (static_cast<Block*>(memory) - 1)->bytes - sizeof(Block)));
  stb_free(memory);
  return larger;
}

// Takes back everything that was allocated since `before` was the newest.
void free_since(const Block* before) {
  while (heap.first != before) stb_free(heap.first + 1);
}

void allow(std::size_t bytes) {
  heap.left = bytes;
  heap.exceeded = false;
}

// stb also copies nothing to nowhere, which memcpy need not take.
void* copy(void* to, const void* from, std::size_t bytes) {
  return bytes == 0 ? to : std::memcpy(to, from, bytes);
}

}  // namespace

#define memcpy copy
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_PIC
#define STBI_NO_PSD
#define STBI_MAX_DIMENSIONS 65535
#define STBI_FAILURE_USERMSG
#define STBI_ASSERT(condition) static_cast<void>(0)
#define STBI_MALLOC(size) stb_allocate(size)
#define STBI_REALLOC(memory, size) stb_reallocate(memory, size)
#define STBI_FREE(memory) stb_free(memory)
#include <stb_image.h>
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
#define STBIR_ASSERT(condition) static_cast<void>(0)
#define STBIR_MALLOC(size, context) stb_allocate(size)
#define STBIR_FREE(memory, context) stb_free(memory)
#include <stb_image_resize.h>
#undef memcpy

namespace fettle::io::stb {
namespace {

// The bytes of a file.
struct Source {
  std::span<const std::byte> bytes;
  stbi__context context{};
  std::size_t at = 0;

  std::size_t left() const { return bytes.size() - at; }
};

// Thrown through the decoder, which has no other way out and would go on with zeros.
struct EndOfFile {};

// stb fills its buffer ahead of its needs, so a short answer there means nothing: it asks again when it has
// used all of that. Everything else is wanted in full.
int read(void* user, char* to, int size) {
  auto& source = *static_cast<Source*>(user);
  const bool ahead = to == reinterpret_cast<char*>(source.context.buffer_start);
  const std::size_t wanted = static_cast<std::size_t>(std::max(size, 0));
  const std::size_t count = std::min(wanted, source.left());
  if (ahead ? count == 0 : count < wanted) throw EndOfFile();
  if (count > 0) std::memcpy(to, source.bytes.data() + source.at, count);
  source.at += count;
  return static_cast<int>(count);
}

void skip(void* user, int count) {
  auto& source = *static_cast<Source*>(user);
  if (count > 0) source.at += std::min(static_cast<std::size_t>(count), source.left());
}

int at_end(void* user) { return static_cast<Source*>(user)->left() == 0 ? 1 : 0; }

// PNM of 16 bits per channel, whose bytes stb takes in the wrong order, and whose end it reads past when it
// converts channels.
bool is_deep_pnm(std::span<const std::byte> bytes) {
  stbi__context context;
  stbi__start_mem(&context, reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()));
  int width = 0;
  int height = 0;
  int channels = 0;
  return stbi__pnm_info(&context, &width, &height, &channels) == 16;
}

}  // namespace

void Free::operator()(unsigned char* pixels) const { stb_free(pixels); }

Decoded decode(std::span<const std::byte> bytes, int channels, std::size_t memory) {
  Decoded decoded;
  Source source{bytes};
  stbi_io_callbacks callbacks{read, skip, at_end};
  if (is_deep_pnm(bytes)) {
    decoded.reason = "PNM of more than 8 bits per channel";
    return decoded;
  }
  const Block* const before = heap.first;
  allow(memory);
  stbi__g_failure_reason = nullptr;  // of the file before
  try {
    stbi__start_callbacks(&source.context, &callbacks, &source);
    int stored = 0;
    decoded.pixels.reset(
        stbi__load_and_postprocess_8bit(&source.context, &decoded.width, &decoded.height, &stored, channels));
  } catch (const EndOfFile&) {
    decoded.cut_off = true;
  }
  if (!decoded.pixels) free_since(before);  // of a decoder that was left, or that forgot some
  decoded.out_of_memory = heap.exceeded;
  const char* reason = stbi_failure_reason();
  if (!decoded.pixels && reason != nullptr) decoded.reason = reason;
  return decoded;
}

bool resize(const unsigned char* from, int from_width, int from_height, unsigned char* to, int to_width,
            int to_height, int channels, std::size_t memory) {
  // It computes its memory in 32 bits, most of which are the rows of the output that an input row has a part
  // in.
  const std::uint64_t rows =
      2 * (static_cast<std::uint64_t>(from_height) / static_cast<std::uint64_t>(to_height) + 3);
  const std::uint64_t row =
      static_cast<std::uint64_t>(to_width) * static_cast<std::uint64_t>(channels) * sizeof(float);
  if (rows * row > std::min<std::uint64_t>(memory, std::uint64_t{1} << 30)) return false;
  allow(memory);
  return stbir_resize_uint8_generic(from, from_width, from_height, 0, to, to_width, to_height, 0, channels,
                                    STBIR_ALPHA_CHANNEL_NONE, 0, STBIR_EDGE_CLAMP, STBIR_FILTER_TRIANGLE,
                                    STBIR_COLORSPACE_LINEAR, nullptr) != 0;
}

bool inflate(std::span<const std::byte> from, std::span<std::byte> to) {
  const int written = stbi_zlib_decode_noheader_buffer(
      reinterpret_cast<char*>(to.data()), static_cast<int>(to.size()),
      reinterpret_cast<const char*>(from.data()), static_cast<int>(from.size()));
  return written >= 0 && static_cast<std::size_t>(written) == to.size();
}

}  // namespace fettle::io::stb

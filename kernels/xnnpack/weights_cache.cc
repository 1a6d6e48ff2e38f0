// SPDX-License-Identifier: Apache-2.0
#include "kernels/xnnpack/weights_cache.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace fettle::kernels::xnnpack {
namespace {

constexpr std::size_t kNotFound = SIZE_MAX;
constexpr std::uint32_t kCacheMagic = 0x4e4e5846;  // "FXNN"
constexpr std::size_t kAlignment = 64;

struct CacheHeader {
  std::uint32_t magic;
  std::uint32_t seed;  // XNNPACK's number for the layout of the packed weights
  std::uint64_t bytes;
};
static_assert(sizeof(CacheHeader) <= kPackedHeaderBytes);

}  // namespace

Error wrong_packing() noexcept {
  return kernel_failed("the packed weights are not of the kind that XNNPACK uses on this CPU",
                       "pack the model's weights again on this kind of CPU");
}

void WeightsCache::Freer::operator()(void* memory) const noexcept { std::free(memory); }

WeightsCache::WeightsCache() noexcept {
  provider_.context = this;
  provider_.look_up = [](void* self, const xnn_weights_cache_look_up_key* key) {
    return static_cast<WeightsCache*>(self)->look_up(*key);
  };
  provider_.reserve_space = [](void* self, std::size_t bytes) {
    return static_cast<WeightsCache*>(self)->reserve(bytes);
  };
  provider_.look_up_or_insert = [](void* self, const xnn_weights_cache_look_up_key* key, void*,
                                   std::size_t bytes) {
    return static_cast<WeightsCache*>(self)->insert(*key, bytes);
  };
  provider_.is_finalized = [](void*) { return true; };
  provider_.offset_to_addr = [](void* self, std::size_t offset) -> void* {
    return static_cast<WeightsCache*>(self)->weights_ + offset;
  };
  provider_.delete_cache = [](void*) { return xnn_status_success; };
}

void WeightsCache::measure() noexcept { mode_ = Mode::measure; }

void WeightsCache::write(std::span<std::byte> packed) noexcept {
  mode_ = Mode::write;
  mismatch_ = packed.size() < kPackedHeaderBytes;
  header_ = packed.data();
  weights_ = mismatch_ ? nullptr : packed.data() + kPackedHeaderBytes;
  weights_bytes_ = mismatch_ ? 0 : packed.size() - kPackedHeaderBytes;
}

Status WeightsCache::read(std::span<const std::byte> packed) noexcept {
  CacheHeader header{};
  if (packed.size() < kPackedHeaderBytes) return wrong_packing();
  std::memcpy(&header, packed.data(), sizeof(header));
  if (header.magic != kCacheMagic || header.bytes != packed.size() - kPackedHeaderBytes)
    return wrong_packing();
  mode_ = Mode::read;
  seed_ = header.seed;
  // XNNPACK's interface knows no constant memory, but an operator only reads its packed weights.
  weights_ = const_cast<std::byte*>(packed.data()) + kPackedHeaderBytes;
  weights_bytes_ = packed.size() - kPackedHeaderBytes;
  return {};
}

const float* WeightsCache::dummy_weights() const noexcept { return reinterpret_cast<const float*>(weights_); }

std::size_t WeightsCache::look_up(const xnn_weights_cache_look_up_key& key) noexcept {
  if (mode_ != Mode::read) return kNotFound;
  if (key.seed == seed_) return 0;
  mismatch_ = true;
  return kNotFound;
}

void* WeightsCache::reserve(std::size_t bytes) noexcept {
  asked_ = bytes;
  if (mode_ == Mode::measure || mismatch_) return nullptr;
  if (bytes != weights_bytes_) {
    mismatch_ = true;
    return nullptr;
  }
  if (mode_ == Mode::write) return weights_;
  scratch_.reset(std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment));
  scratch_failed_ = scratch_ == nullptr;
  return scratch_.get();
}

std::size_t WeightsCache::insert(const xnn_weights_cache_look_up_key& key, std::size_t bytes) noexcept {
  if (mode_ == Mode::write) {
    const CacheHeader header{kCacheMagic, key.seed, bytes};
    std::memset(header_, 0, kPackedHeaderBytes);
    std::memcpy(header_, &header, sizeof(header));
  } else if (key.seed != seed_ || bytes != weights_bytes_) {
    mismatch_ = true;
  }
  return 0;
}

Status WeightsCache::result(xnn_status status, const Operator& op) noexcept {
  if (mismatch_) return wrong_packing();
  if (scratch_failed_) return out_of_memory();
  return check_created(status, op);
}

}  // namespace fettle::kernels::xnnpack

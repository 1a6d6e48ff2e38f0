// SPDX-License-Identifier: Apache-2.0
//
// XNNPACK packs weights while it creates an operator, into memory that a "weights cache provider" gives it.
// With providers of our own, `packed_bytes`, `pack` and `bind` are three ways of creating the same operator:
//
//   measure  notes the size that is asked for and declines, so creation stops there
//   write    gives the program's memory, which is then packed into
//   read     answers that the weights are there already
//
// Only convolutions without padding of channels look before they pack; depthwise and transposed ones always
// pack, and look afterwards. Reading lets those pack into scratch memory, which is freed once the operator
// stands. They read weights while doing so; the packed bytes, which are never fewer, serve as their dummy.
//
// What is packed depends on the kernels that XNNPACK picks for the CPU, so a header notes XNNPACK's key of
// the packing, and reading bytes that were packed for another kind of CPU is an error, not a wrong result.
#pragma once

#include "kernels/xnnpack/operator.h"

#include <fettle/error.h>

#include <xnnpack.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::kernels::xnnpack {

/// What stands before the packed weights: as long as the alignment that XNNPACK wants.
inline constexpr std::size_t kPackedHeaderBytes = 64;

/// What is wrong with bytes that are no packed weights of this kind.
Error wrong_packing() noexcept;

/// A provider for one operator. It must outlive the operator and stay where it is.
class WeightsCache {
 public:
  WeightsCache() noexcept;
  WeightsCache(const WeightsCache&) = delete;
  WeightsCache& operator=(const WeightsCache&) = delete;

  xnn_weights_cache_t get() noexcept { return &provider_; }

  /// Notes sizes and declines. This is how a cache starts.
  void measure() noexcept;
  /// Packs into `packed`, which is as long as measuring said.
  void write(std::span<std::byte> packed) noexcept;
  /// Finds the weights in `packed`. Fails when the bytes are no packed weights of this kind.
  Status read(std::span<const std::byte> packed) noexcept;

  /// The bytes to be packed, header included; 0 when none were asked for.
  std::size_t measured_bytes() const noexcept { return asked_ == 0 ? 0 : asked_ + kPackedHeaderBytes; }
  /// While reading: something to pass as weights.
  const float* dummy_weights() const noexcept;
  /// What an operator's creation with this cache came to.
  Status result(xnn_status status, const Operator& op) noexcept;
  /// Frees what was needed during creation alone.
  void release_scratch() noexcept { scratch_.reset(); }

 private:
  enum class Mode : std::uint8_t { measure, write, read };
  struct Freer {
    void operator()(void* memory) const noexcept;
  };

  std::size_t look_up(const xnn_weights_cache_look_up_key& key) noexcept;
  void* reserve(std::size_t bytes) noexcept;
  std::size_t insert(const xnn_weights_cache_look_up_key& key, std::size_t bytes) noexcept;

  xnn_weights_cache_provider provider_{};
  Mode mode_ = Mode::measure;
  bool mismatch_ = false;
  bool scratch_failed_ = false;
  std::uint32_t seed_ = 0;
  std::size_t asked_ = 0;
  std::byte* weights_ = nullptr;  // after the header; only written to in write mode
  std::size_t weights_bytes_ = 0;
  std::byte* header_ = nullptr;
  std::unique_ptr<void, Freer> scratch_;
};

/// The number of bytes that `create(weights_cache, op)` packs.
template <typename Create>
Result<std::size_t> measure_packed(Create&& create) noexcept {
  if (Status ready = ensure_initialized(); !ready) return std::move(ready).error();
  WeightsCache cache;
  Operator op;
  const xnn_status status = create(cache.get(), op);
  if (cache.measured_bytes() != 0) return cache.measured_bytes();
  if (Status created = check_created(status, op); !created) return std::move(created).error();
  return kernel_failed("XNNPACK packed no weights");
}

/// Lets `create(weights_cache, op)` pack into `packed`.
template <typename Create>
Status write_packed(std::span<std::byte> packed, Create&& create) noexcept {
  if (Status ready = ensure_initialized(); !ready) return ready;
  WeightsCache cache;
  cache.write(packed);
  Operator op;
  return cache.result(create(cache.get(), op), op);
}

}  // namespace fettle::kernels::xnnpack

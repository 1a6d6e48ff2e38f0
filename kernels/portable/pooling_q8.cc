// SPDX-License-Identifier: Apache-2.0
//
// Pools of quantised pictures, in either layout.
#include "kernels/common/pool_shape.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/quantised.h"

namespace fettle::kernels::portable {
namespace {

// Averages are summed up in 32 bits.
constexpr std::int64_t kMaxAveraged = std::int64_t{1} << 23;

// A maximum of turned-over bytes, clamped; the quantisation stays.
struct ByteRange {
  std::uint8_t low, high, flip;
  explicit ByteRange(const LayerDesc& layer) : flip(flip_of(layer.outputs.front().format.type)) {
    const StoredRange range = stored_range(layer.main().clamp, layer.outputs.front().format);
    low = static_cast<std::uint8_t>(static_cast<std::uint8_t>(range.low) ^ flip);
    high = static_cast<std::uint8_t>(static_cast<std::uint8_t>(range.high) ^ flip);
  }
  std::uint8_t store(std::uint8_t flipped) const {
    return static_cast<std::uint8_t>(std::min(std::max(flipped, low), high) ^ flip);
  }
};

// With copies of what is computed with, which writing bytes cannot change.
void keep_larger(const std::uint8_t* from, std::int64_t count, std::uint8_t flip, std::uint8_t* largest) {
  for (std::int64_t c = 0; c < count; ++c)
    largest[c] = std::max(largest[c], static_cast<std::uint8_t>(from[c] ^ flip));
}
void store_all(ByteRange range, std::int64_t count, std::uint8_t* y) {
  for (std::int64_t c = 0; c < count; ++c) y[c] = range.store(y[c]);
}

void max_pool(const Call& call) {
  const PoolShape s(call.layer);
  const ByteRange range(call.layer);
  const bool nchw = layout_of(call.layer) == Layout::nchw;
  // In nchw a line is a row of one channel, in nhwc a row of all.
  const std::int64_t width = nchw ? 1 : s.channels;
  const std::int64_t lines = s.batch * s.out_h * (nchw ? s.channels : 1);
  call.parallel(lines, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::uint8_t* x = call.in<std::uint8_t>(0) + i / s.out_h * s.in_h * s.in_w * width;
      for (std::int64_t ox = 0; ox < s.out_w; ++ox) {
        std::uint8_t* y = call.out<std::uint8_t>() + (i * s.out_w + ox) * width;
        std::fill_n(y, width, std::uint8_t{0});
        for_each_tap(s, i % s.out_h, ox, [&](std::int64_t iy, std::int64_t ix) {
          keep_larger(x + (iy * s.in_w + ix) * width, width, range.flip, y);
        });
        store_all(range, width, y);
      }
    }
  });
}

// Of the mean of so many numbers, in units of the result's scale.
struct MeanOf {
  Source source;
  Target target;
  float ratio;
  explicit MeanOf(const LayerDesc& layer)
      : source(layer.inputs[0].format),
        target(target_of(layer)),
        ratio(static_cast<float>(static_cast<double>(source.scale) /
                                 static_cast<double>(layer.outputs.front().format.scale))) {}
  // A sum of turned-over bytes, `inside` of them, as the mean of `count`.
  std::uint8_t store(std::int32_t sum, std::int64_t inside, std::int64_t count) const {
    const auto steps = static_cast<float>(sum - static_cast<std::int32_t>(inside) * source.zero);
    return target.store(steps / static_cast<float>(count) * ratio);
  }
};

void add_up(const std::uint8_t* from, std::int64_t count, std::uint8_t flip, std::int32_t* sums) {
  for (std::int64_t c = 0; c < count; ++c) sums[c] += from[c] ^ flip;
}

void average_pool(const Call& call) {
  const PoolShape s(call.layer);
  const MeanOf mean(call.layer);
  const bool nchw = layout_of(call.layer) == Layout::nchw;
  const std::int64_t width = nchw ? 1 : s.channels;
  const std::int64_t lines = s.batch * s.out_h * (nchw ? s.channels : 1);
  // A thread takes some channels of a pixel at a time, so that their sums lie on the stack.
  constexpr std::int64_t kChannels = 64;
  call.parallel(lines, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::uint8_t* x = call.in<std::uint8_t>(0) + i / s.out_h * s.in_h * s.in_w * width;
      for (std::int64_t ox = 0; ox < s.out_w; ++ox) {
        std::uint8_t* y = call.out<std::uint8_t>() + (i * s.out_w + ox) * width;
        for (std::int64_t first = 0; first < width; first += kChannels) {
          const std::int64_t channels = std::min(kChannels, width - first);
          std::int32_t sums[kChannels] = {};
          std::int64_t inside = 0;
          const std::int64_t count = for_each_tap(s, i % s.out_h, ox, [&](std::int64_t iy, std::int64_t ix) {
            add_up(x + (iy * s.in_w + ix) * width + first, channels, mean.source.flip, sums);
            ++inside;
          });
          for (std::int64_t c = 0; c < channels; ++c) y[first + c] = mean.store(sums[c], inside, count);
        }
      }
    }
  });
}

void global_average_pool(const Call& call) {
  const Shape& shape = call.layer.inputs[0].shape;
  const std::int64_t channels = shape[1];
  const std::int64_t pixels = shape.elements() / (shape[0] * channels);
  const MeanOf mean(call.layer);
  const bool nhwc = layout_of(call.layer) == Layout::nhwc;
  // A thread takes some channels of one picture.
  constexpr std::int64_t kChannels = 64;
  const std::int64_t blocks = (channels + kChannels - 1) / kChannels;
  call.parallel(shape[0] * blocks, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % blocks * kChannels;
      const std::int64_t count = std::min(kChannels, channels - first);
      const std::uint8_t* x =
          call.in<std::uint8_t>(0) + i / blocks * channels * pixels + first * (nhwc ? 1 : pixels);
      std::int32_t sums[kChannels] = {};
      if (nhwc) {
        for (std::int64_t p = 0; p < pixels; ++p) add_up(x + p * channels, count, mean.source.flip, sums);
      } else {
        for (std::int64_t c = 0; c < count; ++c) {
          for (std::int64_t p = 0; p < pixels; ++p) sums[c] += x[c * pixels + p] ^ mean.source.flip;
        }
      }
      std::uint8_t* y = call.out<std::uint8_t>() + i / blocks * channels + first;
      for (std::int64_t c = 0; c < count; ++c) y[c] = mean.store(sums[c], pixels, pixels);
    }
  });
}

Refusal supports_pool_q8(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_q8(layer); refusal != Refusal::none) return refusal;
  if (layer.inputs.size() != 1 || layer.inputs[0].constant) return Refusal::constant;
  if (layer.inputs[0].shape.rank() != 4) return Refusal::rank;
  if (layer.inputs[0].shape.elements() <= 0 || layer.outputs[0].shape.elements() <= 0) return Refusal::shape;
  const auto kernel = layer.main().attributes.integers("kernel_shape");
  return kernel[0] * kernel[1] <= kMaxAveraged ? Refusal::none : Refusal::too_large;
}

Refusal supports_max(const LayerDesc& layer, const Cpu& cpu) {
  if (const Refusal refusal = supports_pool_q8(layer, cpu); refusal != Refusal::none) return refusal;
  return layer.inputs[0].format.type == layer.outputs[0].format.type ? Refusal::none : Refusal::data_type;
}

Refusal supports_global_q8(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_q8(layer); refusal != Refusal::none) return refusal;
  if (layer.inputs.size() != 1 || layer.inputs[0].constant) return Refusal::constant;
  const Shape& shape = layer.inputs[0].shape;
  if (shape.elements() <= 0) return Refusal::shape;
  return shape.elements() / (shape[0] * shape[1]) <= kMaxAveraged ? Refusal::none : Refusal::too_large;
}

constexpr Op kPoolingQ8Ops[] = {Op::max_pool, Op::average_pool, Op::global_average_pool};

template <Compute compute>
constexpr Kernel pool_entry(std::size_t op, std::string_view name,
                            Refusal (*supports)(const LayerDesc&, const Cpu&)) {
  Kernel kernel = entry<compute>(name, {&kPoolingQ8Ops[op], 1}, kNchwNhwc<>, supports);
  return kernel;
}

constexpr Kernel kMaxPoolQ8 = pool_entry<max_pool>(0, "max_pool.loop.q8.portable", supports_max);
constexpr Kernel kAveragePoolQ8 =
    pool_entry<average_pool>(1, "average_pool.loop.q8.portable", supports_pool_q8);
constexpr Kernel kGlobalAveragePoolQ8 =
    pool_entry<global_average_pool>(2, "global_average_pool.loop.q8.portable", supports_global_q8);
constexpr const Kernel* kPoolingQ8Table[] = {kept(kMaxPoolQ8), kept(kAveragePoolQ8),
                                             kept(kGlobalAveragePoolQ8)};

}  // namespace

std::span<const Kernel* const> pooling_q8_entries() noexcept { return kPoolingQ8Table; }

}  // namespace fettle::kernels::portable

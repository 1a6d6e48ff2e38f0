// SPDX-License-Identifier: Apache-2.0
//
// Pools of pictures, in either layout.
#include "kernels/common/pool_shape.h"
#include "kernels/larger.h"
#include "kernels/portable/portable.h"

#include <cstring>
#include <limits>

namespace fettle::kernels::portable {
namespace {

template <bool maximum>
void pool(const Call& call) {
  const PoolShape s(call.layer);
  const Clamp clamp = clamp_of(call.layer);
  const auto bounded = [&](float v) { return std::min(std::max(v, clamp.low), clamp.high); };
  constexpr float kStart = maximum ? -std::numeric_limits<float>::infinity() : 0.0f;
  if (layout_of(call.layer) == Layout::nchw) {
    call.parallel(s.batch * s.channels * s.out_h, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        const float* x = call.in(0) + i / s.out_h * s.in_h * s.in_w;
        for (std::int64_t ox = 0; ox < s.out_w; ++ox) {
          float value = kStart;
          const std::int64_t count = for_each_tap(s, i % s.out_h, ox, [&](std::int64_t iy, std::int64_t ix) {
            const float v = x[iy * s.in_w + ix];
            value = maximum ? larger(value, v) : value + v;
          });
          call.out()[i * s.out_w + ox] = bounded(maximum ? value : value / static_cast<float>(count));
        }
      }
    });
    return;
  }
  call.parallel(s.batch * s.out_h, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* x = call.in(0) + i / s.out_h * s.in_h * s.in_w * s.channels;
      for (std::int64_t ox = 0; ox < s.out_w; ++ox) {
        float* y = call.out() + (i * s.out_w + ox) * s.channels;
        std::fill_n(y, s.channels, kStart);
        const std::int64_t count = for_each_tap(s, i % s.out_h, ox, [&](std::int64_t iy, std::int64_t ix) {
          const float* from = x + (iy * s.in_w + ix) * s.channels;
          for (std::int64_t c = 0; c < s.channels; ++c)
            y[c] = maximum ? larger(y[c], from[c]) : y[c] + from[c];
        });
        const float factor = maximum ? 1.0f : 1.0f / static_cast<float>(count);
        for (std::int64_t c = 0; c < s.channels; ++c) y[c] = bounded(y[c] * factor);
      }
    }
  });
}

template <bool maximum>
void global_pool(const Call& call) {
  const Shape& shape = call.layer.inputs[0].shape;
  const std::int64_t channels = shape[1];
  const std::int64_t pixels = shape.elements() / (shape[0] * channels);
  const Clamp clamp = clamp_of(call.layer);
  const bool nhwc = layout_of(call.layer) == Layout::nhwc;
  // A thread takes some channels of one picture.
  constexpr std::int64_t kChannels = 16;
  const std::int64_t blocks = (channels + kChannels - 1) / kChannels;
  call.parallel(shape[0] * blocks, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / blocks;
      const std::int64_t first = i % blocks * kChannels;
      const std::int64_t count = std::min(kChannels, channels - first);
      float sums[kChannels];
      std::fill_n(sums, kChannels, maximum ? -std::numeric_limits<float>::infinity() : 0.0f);
      const float* x = call.in(0) + image * channels * pixels + (nhwc ? first : first * pixels);
      const std::int64_t pixel_step = nhwc ? channels : 1;
      const std::int64_t channel_step = nhwc ? 1 : pixels;
      if (nhwc) {
        for (std::int64_t p = 0; p < pixels; ++p) {
          for (std::int64_t c = 0; c < count; ++c)
            sums[c] = maximum ? larger(sums[c], x[p * pixel_step + c]) : sums[c] + x[p * pixel_step + c];
        }
      } else {
        for (std::int64_t c = 0; c < count; ++c) {
          for (std::int64_t p = 0; p < pixels; ++p)
            sums[c] = maximum ? larger(sums[c], x[c * channel_step + p]) : sums[c] + x[c * channel_step + p];
        }
      }
      for (std::int64_t c = 0; c < count; ++c) {
        const float value = maximum ? sums[c] : sums[c] / static_cast<float>(pixels);
        call.out()[image * channels + first + c] = std::min(std::max(value, clamp.low), clamp.high);
      }
    }
  });
}

Refusal supports_pool(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layer.outputs.size() != 1) return Refusal::op;  // the places of the largest elements
  if (layer.inputs[0].shape.rank() != 4) return Refusal::rank;
  return layer.inputs[0].shape.elements() > 0 && layer.outputs[0].shape.elements() > 0 ? Refusal::none
                                                                                       : Refusal::shape;
}

Refusal supports_global(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  return layer.inputs[0].shape.elements() > 0 ? Refusal::none : Refusal::shape;
}

constexpr Op kPoolingOps[] = {Op::max_pool, Op::average_pool, Op::global_average_pool, Op::global_max_pool};
constexpr Kernel kMaxPool = following(
    entry<pool<true>>("max_pool.loop.f32.portable", {&kPoolingOps[0], 1}, kNchwNhwc<kF32>, supports_pool),
    BoundedAxes::outermost);
constexpr Kernel kAveragePool =
    following(entry<pool<false>>("average_pool.loop.f32.portable", {&kPoolingOps[1], 1}, kNchwNhwc<kF32>,
                                 supports_pool),
              BoundedAxes::outermost);
constexpr Kernel kGlobalAveragePool =
    following(entry<global_pool<false>>("global_average_pool.loop.f32.portable", {&kPoolingOps[2], 1},
                                        kNchwNhwc<kF32>, supports_global),
              BoundedAxes::outermost);
constexpr Kernel kGlobalMaxPool =
    following(entry<global_pool<true>>("global_max_pool.loop.f32.portable", {&kPoolingOps[3], 1},
                                       kNchwNhwc<kF32>, supports_global),
              BoundedAxes::outermost);
constexpr const Kernel* kPoolingEntries[] = {kept(kMaxPool), kept(kAveragePool), kept(kGlobalAveragePool),
                                             kept(kGlobalMaxPool)};

}  // namespace

std::span<const Kernel* const> pooling_entries() noexcept { return kPoolingEntries; }

}  // namespace fettle::kernels::portable

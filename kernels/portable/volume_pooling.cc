// SPDX-License-Identifier: Apache-2.0
//
// Pools over any number of spatial axes, a row of the result at a time.
#include "kernels/portable/portable.h"
#include "kernels/volume.h"

#include <cmath>
#include <limits>

namespace fettle::kernels::portable {
namespace {

// Of pools with channels last.
constexpr std::size_t kMostPooledAxes = 3;

// NaN is larger than all numbers.
float larger(float a, float b) { return b > a || std::isnan(b) ? b : a; }

// How many taps along one axis count for an average at each place: those inside, or with padding those that
// are not reached by rounding up alone.
std::int64_t counted(const Volume& window, std::size_t axis, std::int64_t at, bool padding) {
  std::int64_t count = 0;
  for (std::int64_t tap = 0; tap < window.kernel[axis]; ++tap) {
    const std::int64_t position = window.position(axis, at, tap);
    const bool inside = position >= 0 && position < window.x[axis];
    count += (padding ? position < window.x[axis] + window.pad_after[axis] : inside) ? 1 : 0;
  }
  return count;
}

template <bool maximum>
void pool_row(const Volume& window, const float* x, std::int64_t row, float* y) {
  const std::int64_t stride = window.stride[window.inner()];
  for (std::int64_t tap = 0; tap < window.taps(); ++tap) {
    const std::int64_t offset = window.row_under(row, tap);
    const Volume::Span span = window.inside(tap);
    if (offset < 0 || span.first == span.last) continue;
    const float* from = x + offset + span.from;
    float* to = y + span.first;
    for (std::int64_t i = 0; i < span.last - span.first; ++i)
      to[i] = maximum ? larger(to[i], from[i * stride]) : to[i] + from[i * stride];
  }
}

// Taps [first, last) of a window along one axis that lie inside.
struct TapRange {
  std::int64_t first, last;
  TapRange(const Volume& w, std::size_t axis, std::int64_t at) {
    const std::int64_t start = at * w.stride[axis] - w.pad[axis];
    const std::int64_t step = w.dilation[axis];
    first = start >= 0 ? 0 : (-start + step - 1) / step;
    last = start >= w.x[axis] ? 0 : std::min(w.kernel[axis], (w.x[axis] - 1 - start) / step + 1);
  }
};

// With channels last: the pixels [begin, end) of all images, each a row of channels.
template <bool maximum>
void pool_pixels(const Call& call, const Volume& w, std::int64_t begin, std::int64_t end) {
  const Clamp clamp = clamp_of(call.layer);
  const bool padding = call.attributes().integer("count_include_pad") != 0;
  const std::int64_t channels = call.layer.inputs[0].shape[1];
  for (std::int64_t i = begin; i < end; ++i) {
    std::int64_t at[kMostPooledAxes] = {};
    std::int64_t step[kMostPooledAxes] = {};  // floats from tap to tap
    std::int64_t first[kMostPooledAxes] = {};
    std::int64_t last[kMostPooledAxes] = {1, 1, 1};
    const float* x = call.in(0) + i / w.y_size() * w.x_size() * channels;
    std::int64_t rest = i % w.y_size();
    std::int64_t size = channels;
    std::int64_t count = 1;
    for (std::size_t a = w.axes; a-- > 0; size *= w.x[a]) {
      at[a] = rest % w.y[a];
      rest /= w.y[a];
      const TapRange taps(w, a, at[a]);
      first[a] = taps.first, last[a] = taps.last;
      step[a] = w.dilation[a] * size;
      x += (at[a] * w.stride[a] - w.pad[a]) * size;
      if (!maximum) count *= counted(w, a, at[a], padding);
    }
    float* __restrict y = call.out() + i * channels;
    std::fill_n(y, channels, maximum ? -std::numeric_limits<float>::infinity() : 0.0f);
    for (std::int64_t k0 = first[0]; k0 < last[0]; ++k0) {
      for (std::int64_t k1 = first[1]; k1 < last[1]; ++k1) {
        for (std::int64_t k2 = first[2]; k2 < last[2]; ++k2) {
          const float* __restrict from = x + k0 * step[0] + k1 * step[1] + k2 * step[2];
          for (std::int64_t c = 0; c < channels; ++c) y[c] = maximum ? larger(y[c], from[c]) : y[c] + from[c];
        }
      }
    }
    const auto divisor = static_cast<float>(std::max<std::int64_t>(1, count));
    for (std::int64_t c = 0; c < channels; ++c) {
      const float value = maximum ? y[c] : y[c] / divisor;
      y[c] = std::min(std::max(value, clamp.low), clamp.high);
    }
  }
}

template <bool maximum>
void pool_volume(const Call& call) {
  const Volume window(call.attributes(), call.layer.inputs[0].shape, call.layer.outputs[0].shape);
  const Clamp clamp = clamp_of(call.layer);
  const bool padding = call.attributes().integer("count_include_pad") != 0;
  const Shape& shape = call.layer.inputs[0].shape;
  const std::int64_t width = window.y[window.inner()];
  const std::int64_t rows = window.y_rows();
  if (layout_of(call.layer) == Layout::nhwc) {
    call.parallel(shape[0] * window.y_size(), [&](std::int64_t begin, std::int64_t end, int) {
      pool_pixels<maximum>(call, window, begin, end);
    });
    return;
  }
  call.parallel(shape[0] * shape[1] * rows, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      float* y = call.out() + i * width;
      std::fill_n(y, width, maximum ? -std::numeric_limits<float>::infinity() : 0.0f);
      pool_row<maximum>(window, call.in(0) + i / rows * window.x_size(), i % rows, y);
      std::int64_t outer = 1;
      std::int64_t at = i % rows;
      for (std::size_t a = window.inner(); !maximum && a-- > 0; at /= window.y[a])
        outer *= counted(window, a, at % window.y[a], padding);
      for (std::int64_t place = 0; place < width; ++place) {
        const std::int64_t count = maximum ? 1 : outer * counted(window, window.inner(), place, padding);
        const float value = y[place] / static_cast<float>(std::max<std::int64_t>(1, count));
        y[place] = std::min(std::max(value, clamp.low), clamp.high);
      }
    }
  });
}

Refusal supports_volume_pooling(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layout_of(layer) == Layout::nchwc) return Refusal::layout;
  if (layer.outputs.size() != 1) return Refusal::op;  // the places of the largest elements
  const int rank = layer.inputs[0].shape.rank();
  const bool few = rank <= 2 + static_cast<int>(kMostPooledAxes);
  return rank >= 3 && (few || layout_of(layer) == Layout::nchw) ? Refusal::none : Refusal::rank;
}

constexpr Op kVolumePoolingOps[] = {Op::max_pool, Op::average_pool};
constexpr Kernel kMaxPoolVolume =
    following(entry<pool_volume<true>>("max_pool.volume.f32.portable", {&kVolumePoolingOps[0], 1},
                                       kNchwNhwc<kF32>, supports_volume_pooling),
              BoundedAxes::outermost);
constexpr Kernel kAveragePoolVolume =
    following(entry<pool_volume<false>>("average_pool.volume.f32.portable", {&kVolumePoolingOps[1], 1},
                                        kNchwNhwc<kF32>, supports_volume_pooling),
              BoundedAxes::outermost);
constexpr const Kernel* kVolumePoolingEntries[] = {kept(kMaxPoolVolume), kept(kAveragePoolVolume)};

}  // namespace

std::span<const Kernel* const> volume_pooling_entries() noexcept { return kVolumePoolingEntries; }

}  // namespace fettle::kernels::portable

// SPDX-License-Identifier: Apache-2.0
//
// Convolutions over any number of spatial axes, and transposed ones, as products of matrices: im2col for a
// block of outputs at a time, and for transposed ones the columns of a block of inputs, which are then added
// where they belong. Weights are used as they are, so they may be computed too.
#include "kernels/common/conv_shape.h"
#include "kernels/portable/eigen.h"
#include "kernels/portable/portable.h"
#include "kernels/volume.h"

#include <cstring>

namespace fettle::kernels::portable {
namespace {

// Floats of columns that a thread works on: about half of a small L2.
constexpr std::int64_t kColumnElements = std::int64_t{32} * 1024;

// NaN stays NaN.
void add_and_clamp(float* y, std::int64_t count, float bias, const Clamp& clamp) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = std::min(std::max(y[i] + bias, clamp.low), clamp.high);
}

// What both operators have in common; `narrow` has the input of a transposed convolution, else the output.
struct Convolution {
  std::int64_t batch, groups, in_channels, out_channels, in_group, out_group;

  explicit Convolution(const LayerDesc& layer)
      : batch(layer.inputs[0].shape[0]),
        groups(layer.main().attributes.integer("group", 1)),
        in_channels(layer.inputs[0].shape[1]),
        out_channels(layer.outputs[0].shape[1]),
        in_group(in_channels / groups),
        out_group(out_channels / groups) {}
};

// ---- convolution ----

struct Forward : Convolution {
  Volume window;
  std::int64_t taps, depth, pixels;

  explicit Forward(const LayerDesc& layer)
      : Convolution(layer),
        window(layer.main().attributes, layer.inputs[0].shape, layer.outputs[0].shape),
        taps(window.taps()),
        depth(in_group * taps),
        pixels(window.y_size()) {}
  // Output pixels of a block.
  std::int64_t step() const {
    return std::clamp<std::int64_t>(kColumnElements / depth, std::min<std::int64_t>(8, pixels), pixels);
  }
  std::size_t workspace_floats(int threads) const {
    return static_cast<std::size_t>(step() * depth) * static_cast<std::size_t>(threads);
  }

  // depth x count columns of output pixels [first, last).
  void gather(const float* x, std::int64_t first, std::int64_t last, float* columns) const {
    const std::int64_t width = window.y[window.inner()];
    for (std::int64_t c = 0; c < in_group; ++c, x += window.x_size()) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const Volume::Span span = window.inside(tap);
        for (std::int64_t p = first; p < last;) {
          const std::int64_t row = p / width;
          const std::int64_t begin = p - row * width;
          const std::int64_t end = std::min(width, begin + last - p);
          gather_row(x, window.row_under(row, tap), span, begin, end, columns);
          columns += end - begin;
          p += end - begin;
        }
      }
    }
  }

 private:
  // The part [begin, end) of a row; zeros where the tap lies outside.
  void gather_row(const float* x, std::int64_t offset, const Volume::Span& span, std::int64_t begin,
                  std::int64_t end, float* to) const {
    const std::int64_t first = offset < 0 ? end : std::clamp(span.first, begin, end);
    const std::int64_t last = offset < 0 ? end : std::clamp(span.last, first, end);
    std::fill(to, to + (first - begin), 0.0f);
    std::fill(to + (last - begin), to + (end - begin), 0.0f);
    if (first == last) return;
    const std::int64_t stride = window.stride[window.inner()];
    const float* from = x + offset + span.from + (first - span.first) * stride;
    for (std::int64_t i = 0; i < last - first; ++i) to[first - begin + i] = from[i * stride];
  }
};

void convolve_volume(const Call& call) {
  const Forward s(call.layer);
  const Clamp clamp = clamp_of(call.layer);
  const bool biased = call.layer.operand(2) != nullptr;
  const std::int64_t step = s.step();
  const std::int64_t blocks = (s.pixels + step - 1) / step;
  call.parallel(s.batch * s.groups * blocks, [&](std::int64_t begin, std::int64_t end, int worker) {
    float* columns = reinterpret_cast<float*>(call.workspace) + worker * step * s.depth;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / blocks / s.groups;
      const std::int64_t group = i / blocks % s.groups;
      const std::int64_t first = i % blocks * step;
      const std::int64_t count = std::min(s.pixels, first + step) - first;
      const std::int64_t channel = group * s.out_group;
      s.gather(call.in(0) + (image * s.in_channels + group * s.in_group) * s.window.x_size(), first,
               first + count, columns);
      float* y = call.out() + (image * s.out_channels + channel) * s.pixels + first;
      multiply(Matrix(y, s.out_group, count, Stride(s.pixels)),
               ConstMatrix(call.in(1) + channel * s.depth, s.out_group, s.depth, Stride(s.depth)),
               ConstMatrix(columns, s.depth, count, Stride(count)));
      for (std::int64_t o = 0; o < s.out_group; ++o)
        add_and_clamp(y + o * s.pixels, count, biased ? call.in(2)[channel + o] : 0.0f, clamp);
    }
  });
}

std::size_t conv_workspace(const LayerDesc& layer, int threads) {
  return Forward(layer).workspace_floats(threads) * sizeof(float);
}

// ---- transposed convolution ----

struct Backward : Convolution {
  Volume window;  // from the result, its `x`, to the input, its `y`
  std::int64_t taps, pixels;
  std::int64_t channels;  // output channels of one piece of work
  std::int64_t step;      // input pixels of a block

  explicit Backward(const LayerDesc& layer)
      : Convolution(layer),
        window(layer.main().attributes, layer.outputs[0].shape, layer.inputs[0].shape),
        taps(window.taps()),
        pixels(window.y_size()),
        channels(std::clamp<std::int64_t>(96 / taps, 1, out_group)),
        step(std::clamp<std::int64_t>(kColumnElements / (channels * taps), std::min<std::int64_t>(8, pixels),
                                      pixels)) {}
  std::int64_t pieces() const { return (out_group + channels - 1) / channels; }
  std::size_t workspace_floats(int threads) const {
    return static_cast<std::size_t>(step * channels * taps) * static_cast<std::size_t>(threads);
  }

  // Adds `count` columns of input pixels from `first` on, of one output channel, to its part of the result.
  void scatter(const float* columns, std::int64_t first, std::int64_t count, float* result) const {
    const std::int64_t width = window.y[window.inner()];
    const std::int64_t stride = window.stride[window.inner()];
    for (std::int64_t tap = 0; tap < taps; ++tap, columns += count) {
      const Volume::Span span = window.inside(tap);
      for (std::int64_t p = first; p < first + count;) {
        const std::int64_t row = p / width;
        const std::int64_t begin = p - row * width;
        const std::int64_t end = std::min(width, begin + first + count - p);
        const std::int64_t offset = window.row_under(row, tap);
        const std::int64_t low = std::clamp(span.first, begin, end);
        const std::int64_t high = std::clamp(span.last, low, end);
        if (offset >= 0 && low < high) {
          float* to = result + offset + span.from + (low - span.first) * stride;
          const float* from = columns + (p - first) + (low - begin);
          for (std::int64_t i = 0; i < high - low; ++i) to[i * stride] += from[i];
        }
        p += end - begin;
      }
    }
  }
};

void conv_transpose(const Call& call) {
  const Backward s(call.layer);
  const Clamp clamp = clamp_of(call.layer);
  const bool biased = call.layer.operand(2) != nullptr;
  const std::int64_t size = s.window.x_size();
  call.parallel(s.batch * s.groups * s.pieces(), [&](std::int64_t begin, std::int64_t end, int worker) {
    float* columns = reinterpret_cast<float*>(call.workspace) + worker * s.step * s.channels * s.taps;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / s.pieces() / s.groups;
      const std::int64_t group = i / s.pieces() % s.groups;
      const std::int64_t piece = i % s.pieces() * s.channels;
      const std::int64_t channels = std::min(s.channels, s.out_group - piece);
      // Weights are input channels x output channels of a group x taps.
      const std::int64_t across = s.out_group * s.taps;
      const ConstMatrix weights(call.in(1) + group * s.in_group * across + piece * s.taps, s.in_group,
                                channels * s.taps, Stride(across));
      const float* x = call.in(0) + (image * s.in_channels + group * s.in_group) * s.pixels;
      float* y = call.out() + (image * s.out_channels + group * s.out_group + piece) * size;
      std::fill_n(y, channels * size, 0.0f);
      for (std::int64_t first = 0; first < s.pixels; first += s.step) {
        const std::int64_t count = std::min(s.step, s.pixels - first);
        multiply_tn(Matrix(columns, channels * s.taps, count, Stride(count)), weights,
                    ConstMatrix(x + first, s.in_group, count, Stride(s.pixels)));
        for (std::int64_t c = 0; c < channels; ++c)
          s.scatter(columns + c * s.taps * count, first, count, y + c * size);
      }
      for (std::int64_t c = 0; c < channels; ++c)
        add_and_clamp(y + c * size, size, biased ? call.in(2)[group * s.out_group + piece + c] : 0.0f, clamp);
    }
  });
}

std::size_t conv_transpose_workspace(const LayerDesc& layer, int threads) {
  return Backward(layer).workspace_floats(threads) * sizeof(float);
}

Refusal supports_volume_convolution(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layout_of(layer) != Layout::nchw) return Refusal::layout;
  if (layer.inputs.size() < 2 || layer.main().operands.size() != layer.inputs.size()) return Refusal::op;
  if (layer.inputs[0].shape.rank() < 3) return Refusal::rank;
  // Padding is multiplied like any pixel: computed weights may be infinite, and would make NaN of it.
  if (!layer.inputs[1].constant) return Refusal::not_constant;
  return consistent_conv(layer) ? Refusal::none : Refusal::shape;
}

constexpr Op kVolumeConvolutionOps[] = {Op::conv, Op::conv_transpose};
constexpr Kernel kConvVolume = [] {
  Kernel kernel = entry<convolve_volume>("conv.volume.f32.portable", {&kVolumeConvolutionOps[0], 1},
                                         kNchw<kF32>, supports_volume_convolution);
  kernel.workspace_bytes = conv_workspace;
  kernel.bounded_axes = BoundedAxes::outermost;
  return if_selected(kernel);
}();
constexpr Kernel kConvTranspose = [] {
  Kernel kernel = entry<conv_transpose>("conv_transpose.volume.f32.portable", {&kVolumeConvolutionOps[1], 1},
                                        kNchw<kF32>, supports_volume_convolution);
  kernel.workspace_bytes = conv_transpose_workspace;
  kernel.bounded_axes = BoundedAxes::outermost;
  return if_selected(kernel);
}();

}  // namespace

const Kernel& conv_volume_entry() noexcept { return kConvVolume; }
const Kernel& conv_transpose_volume_entry() noexcept { return kConvTranspose; }

}  // namespace fettle::kernels::portable

// SPDX-License-Identifier: Apache-2.0
//
// Depthwise convolution by plain loops that compilers vectorise: along pixels in nchw, along channels in
// nhwc.
#include "kernels/common/conv_shape.h"
#include "kernels/portable/portable.h"

#include <cstring>

namespace fettle::kernels::portable {
namespace {

// One output row of one channel.
void row_nchw(const ConvShape& s, const float* x, const float* w, float bias, Clamp clamp, std::int64_t oy,
              float* y) {
  for (std::int64_t ox = 0; ox < s.out_w; ++ox) y[ox] = bias;
  for (std::int64_t ky = 0; ky < s.kernel_h; ++ky) {
    const std::int64_t iy = oy * s.stride_h - s.pad_top + ky * s.dilation_h;
    if (iy < 0 || iy >= s.in_h) continue;
    for (std::int64_t kx = 0; kx < s.kernel_w; ++kx) {
      std::int64_t first = 0;
      std::int64_t last = 0;
      valid_range(s, kx, first, last);
      const float* from = x + iy * s.in_w + kx * s.dilation_w - s.pad_left;
      const float weight = w[ky * s.kernel_w + kx];
      if (s.stride_w == 1) {
        for (std::int64_t ox = first; ox < last; ++ox) y[ox] += from[ox] * weight;
      } else {
        for (std::int64_t ox = first; ox < last; ++ox) y[ox] += from[ox * s.stride_w] * weight;
      }
    }
  }
  for (std::int64_t ox = 0; ox < s.out_w; ++ox) y[ox] = std::min(std::max(y[ox], clamp.low), clamp.high);
}

// One output pixel, all channels; the weight is KH x KW x C.
void pixel_nhwc(const ConvShape& s, const float* x, const float* w, const float* bias, Clamp clamp,
                std::int64_t oy, std::int64_t ox, float* y) {
  const std::int64_t channels = s.out_channels;
  std::memcpy(y, bias, static_cast<std::size_t>(channels) * sizeof(float));
  for (std::int64_t ky = 0; ky < s.kernel_h; ++ky) {
    const std::int64_t iy = oy * s.stride_h - s.pad_top + ky * s.dilation_h;
    for (std::int64_t kx = 0; kx < s.kernel_w; ++kx) {
      const std::int64_t ix = ox * s.stride_w - s.pad_left + kx * s.dilation_w;
      if (!s.inside(iy, ix)) continue;
      const float* from = x + (iy * s.in_w + ix) * channels;
      const float* weight = w + (ky * s.kernel_w + kx) * channels;
      for (std::int64_t c = 0; c < channels; ++c) y[c] += from[c] * weight[c];
    }
  }
  for (std::int64_t c = 0; c < channels; ++c) y[c] = std::min(std::max(y[c], clamp.low), clamp.high);
}

void depthwise(const Call& call) {
  const ConvShape s(call.layer);
  const auto* weight = reinterpret_cast<const float*>(call.packed.data());
  const float* bias = weight + s.weight_elements();
  const Clamp clamp = clamp_of(call.layer);
  if (layout_of(call.layer) == Layout::nchw) {
    call.parallel(s.batch * s.out_channels * s.out_h, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t plane = i / s.out_h;
        const std::int64_t c = plane % s.out_channels;
        row_nchw(s, call.in(0) + plane * s.in_h * s.in_w, weight + c * s.depth(), bias[c], clamp, i % s.out_h,
                 call.out() + i * s.out_w);
      }
    });
    return;
  }
  call.parallel(s.batch * s.out_h, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* x = call.in(0) + i / s.out_h * s.in_h * s.in_w * s.in_channels;
      for (std::int64_t ox = 0; ox < s.out_w; ++ox)
        pixel_nhwc(s, x, weight, bias, clamp, i % s.out_h, ox,
                   call.out() + (i * s.out_w + ox) * s.out_channels);
    }
  });
}

Result<std::size_t> packed_bytes_depthwise(const LayerDesc& layer, std::span<const ConstantBytes>) {
  const ConvShape s(layer);
  return static_cast<std::size_t>(s.weight_elements() + s.out_channels) * sizeof(float);
}

Status pack_depthwise(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                      std::span<std::byte> packed) {
  const ConvShape s(layer);
  const auto* weight = reinterpret_cast<const float*>(constants[1].data());
  auto* target = reinterpret_cast<float*>(packed.data());
  const bool nchw = layout_of(layer) == Layout::nchw;
  for (std::int64_t c = 0; c < s.out_channels; ++c) {
    for (std::int64_t t = 0; t < s.depth(); ++t)
      target[nchw ? c * s.depth() + t : t * s.out_channels + c] = weight[c * s.depth() + t];
  }
  float* bias = target + s.weight_elements();
  if (s.biased)
    std::memcpy(bias, constants[2].data(), static_cast<std::size_t>(s.out_channels) * sizeof(float));
  else
    std::memset(bias, 0, static_cast<std::size_t>(s.out_channels) * sizeof(float));
  return {};
}

Refusal supports_depthwise(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_conv(layer); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  return s.groups == s.in_channels && s.out_channels == s.in_channels ? Refusal::none : Refusal::groups;
}

constexpr Op kDepthwiseOp[] = {Op::conv};
constexpr Kernel kDepthwise = [] {
  Kernel kernel =
      entry<depthwise>("dwconv.direct.f32.portable", kDepthwiseOp, kNchwNhwc<kF32>, supports_depthwise);
  kernel.packed_bytes = packed_bytes_depthwise;
  kernel.pack = pack_depthwise;
  kernel.packed_for_any_size = true;
  kernel.bounded_axes = BoundedAxes::outermost;
  return if_selected(kernel);
}();

}  // namespace

const Kernel& depthwise_entry() noexcept { return kDepthwise; }

}  // namespace fettle::kernels::portable

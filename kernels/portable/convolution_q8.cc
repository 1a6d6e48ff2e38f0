// SPDX-License-Identifier: Apache-2.0
//
// Quantised convolutions: im2col for some pixels at a time and a product of integers; depthwise ones by
// plain loops, along pixels in nchw and along channels in nhwc.
#include "kernels/common/conv_shape.h"
#include "kernels/portable/patch_blocks.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/product_q8.h"

#include <cstring>

namespace fettle::kernels::portable {
namespace {

void conv_q8(const Call& call) {
  const ConvShape s(call.layer);
  const ProductQ8 w(s.out_channels, s.depth(), call.packed);
  const Target target = target_of(call.layer);
  for_each_patch_block(
      call, s, w, call.in<std::uint8_t>(0), Source(call.layer.inputs[0].format), call.workspace,
      [&](std::int64_t at, std::int64_t first, std::int64_t count, const std::int32_t* sums) {
        finish_outputs(w, target, first, count, sums, call.out<std::uint8_t>() + at);
      },
      [&](std::int64_t at, std::int64_t output, std::int64_t count, const std::int32_t* sums) {
        finish_pixels(w, target, output, count, sums, call.out<std::uint8_t>() + at);
      });
}

std::size_t workspace_bytes_convolution_q8(const LayerDesc& layer, int threads) {
  return patch_block_bytes(ConvShape(layer)) * static_cast<std::size_t>(threads);
}

Result<std::size_t> packed_bytes_convolution_q8(const LayerDesc& layer, std::span<const ConstantBytes>) {
  const ConvShape s(layer);
  return ProductQ8::bytes(s.out_channels, s.depth());
}

Status pack_convolution_q8(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                           std::span<std::byte> packed) {
  const ConvShape s(layer);
  pack_product(layer, constants, s.out_channels, s.depth(), packed,
               [&](std::int64_t o, std::int64_t k) { return patch_element(s, layout_of(layer), o, k); });
  return {};
}

Refusal supports_convolution_q8(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = check_conv(layer, 4); refusal != Refusal::none) return refusal;
  return check_q8_product(layer, ConvShape(layer).out_channels);
}

// ---- depthwise ----

// Packed as weights (16 bits, without zero point), biases, multipliers; sums start at the bias.
class Depthwise {
 public:
  Depthwise(const ConvShape& shape, const Call& call)
      : s_(shape),
        w_(shape.out_channels, shape.depth(), call.packed),
        source_(call.layer.inputs[0].format),
        target_(target_of(call.layer)) {}

  // One output row of one channel; the weights of a channel are a row of w_.
  void row(const std::uint8_t* x, std::int64_t channel, std::int64_t oy, std::int32_t* sums,
           std::uint8_t* y) const {
    std::fill_n(sums, s_.out_w, std::int32_t{0});
    const std::int16_t* weights = w_.weights + channel * w_.depth;
    const Source source = source_;
    for (std::int64_t ky = 0; ky < s_.kernel_h; ++ky) {
      const std::int64_t iy = oy * s_.stride_h - s_.pad_top + ky * s_.dilation_h;
      if (iy < 0 || iy >= s_.in_h) continue;
      for (std::int64_t kx = 0; kx < s_.kernel_w; ++kx) {
        std::int64_t first = 0;
        std::int64_t last = 0;
        valid_range(s_, kx, first, last);
        const std::uint8_t* from = x + iy * s_.in_w + kx * s_.dilation_w - s_.pad_left;
        const std::int16_t weight = weights[ky * s_.kernel_w + kx];
        const std::int64_t step = s_.stride_w;
        for (std::int64_t ox = first; ox < last; ++ox)
          sums[ox] += std::int32_t{steps_of(source, from[ox * step])} * weight;
      }
    }
    finish_pixels(w_, target_, channel, s_.out_w, sums, y);
  }

  // One output pixel, all channels; the weight is KH x KW x C.
  void pixel(const std::uint8_t* x, std::int64_t oy, std::int64_t ox, std::int32_t* sums,
             std::uint8_t* y) const {
    const std::int64_t channels = s_.out_channels;
    const Source source = source_;
    std::fill_n(sums, channels, std::int32_t{0});
    for (std::int64_t ky = 0; ky < s_.kernel_h; ++ky) {
      const std::int64_t iy = oy * s_.stride_h - s_.pad_top + ky * s_.dilation_h;
      for (std::int64_t kx = 0; kx < s_.kernel_w; ++kx) {
        const std::int64_t ix = ox * s_.stride_w - s_.pad_left + kx * s_.dilation_w;
        if (!s_.inside(iy, ix)) continue;
        const std::uint8_t* from = x + (iy * s_.in_w + ix) * channels;
        const std::int16_t* weight = w_.weights + (ky * s_.kernel_w + kx) * channels;
        for (std::int64_t c = 0; c < channels; ++c)
          sums[c] += std::int32_t{steps_of(source, from[c])} * weight[c];
      }
    }
    finish_outputs(w_, target_, 0, channels, sums, y);
  }

 private:
  static std::int16_t steps_of(const Source& source, std::uint8_t byte) {
    return static_cast<std::int16_t>(source.steps(byte));
  }

  const ConvShape& s_;
  ProductQ8 w_;
  Source source_;
  Target target_;
};

std::int64_t depthwise_sums(const ConvShape& s, Layout layout) {
  return padded_depth(layout == Layout::nchw ? s.out_w : s.out_channels);
}

void depthwise_q8(const Call& call) {
  const ConvShape s(call.layer);
  const Depthwise kernel(s, call);
  const Layout layout = layout_of(call.layer);
  const bool nchw = layout == Layout::nchw;
  const std::int64_t lines = s.batch * s.out_h * (nchw ? s.out_channels : 1);
  call.parallel(lines, [&](std::int64_t begin, std::int64_t end, int worker) {
    auto* sums = reinterpret_cast<std::int32_t*>(call.workspace) + worker * depthwise_sums(s, layout);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t oy = i % s.out_h;
      const std::int64_t plane = i / s.out_h;
      if (nchw) {
        kernel.row(call.in<std::uint8_t>(0) + plane * s.in_h * s.in_w, plane % s.out_channels, oy, sums,
                   call.out<std::uint8_t>() + i * s.out_w);
        continue;
      }
      const std::uint8_t* x = call.in<std::uint8_t>(0) + plane * s.in_h * s.in_w * s.in_channels;
      for (std::int64_t ox = 0; ox < s.out_w; ++ox)
        kernel.pixel(x, oy, ox, sums, call.out<std::uint8_t>() + (i * s.out_w + ox) * s.out_channels);
    }
  });
}

std::size_t depthwise_workspace(const LayerDesc& layer, int threads) {
  return static_cast<std::size_t>(depthwise_sums(ConvShape(layer), layout_of(layer)) * threads) *
         sizeof(std::int32_t);
}

// In nhwc the weights lie tap by tap; there is room for the padding that nchw has.
Status depthwise_pack(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                      std::span<std::byte> packed) {
  const ConvShape s(layer);
  std::memset(packed.data(), 0, packed.size());
  const PackedQ8 target(s.out_channels, s.depth(), packed);
  const bool nchw = layout_of(layer) == Layout::nchw;
  for (std::int64_t c = 0; c < s.out_channels; ++c) {
    for (std::int64_t t = 0; t < s.depth(); ++t)
      target.weights[nchw ? c * padded_depth(s.depth()) + t : t * s.out_channels + c] =
          weight_steps(layer, constants, c * s.depth() + t);
    target.bias[c] = reinterpret_cast<const std::int32_t*>(constants[2].data())[c];
    target.multipliers[c] = multiplier_of(layer, constants, c);
  }
  return {};
}

Refusal supports_depthwise_q8(const LayerDesc& layer, const Cpu& cpu) {
  if (const Refusal refusal = supports_convolution_q8(layer, cpu); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  return s.groups == s.in_channels && s.out_channels == s.in_channels ? Refusal::none : Refusal::groups;
}

constexpr Op kConvOpQ8[] = {Op::conv};
constexpr Kernel kConvQ8 =
    with_packed(entry<conv_q8>("conv_q8.gemm.q8.portable", kConvOpQ8, kNchwNhwc<>, supports_convolution_q8),
                workspace_bytes_convolution_q8, packed_bytes_convolution_q8, pack_convolution_q8);
constexpr Kernel kDepthwiseQ8 = with_packed(
    entry<depthwise_q8>("dwconv.direct.q8.portable", kConvOpQ8, kNchwNhwc<>, supports_depthwise_q8),
    depthwise_workspace, packed_bytes_convolution_q8, depthwise_pack);

}  // namespace

const Kernel& conv_q8_entry() noexcept { return kConvQ8; }
const Kernel& depthwise_q8_entry() noexcept { return kDepthwiseQ8; }

}  // namespace fettle::kernels::portable

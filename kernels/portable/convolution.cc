// SPDX-License-Identifier: Apache-2.0
//
// Two-dimensional convolution as a product of matrices: im2col for a block of output rows at a time, so that
// the workspace stays small, and no copy at all for 1x1. In nchw an output is W (O x K) times columns (K x
// P), in nhwc pixels (P x K) times W transposed (K x O). A region adds a residual and clamps again.
#include "kernels/common/conv_shape.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/epilogues.h"
#include "kernels/portable/eigen.h"
#include "kernels/portable/portable.h"

#include <cstring>
#include <string_view>

namespace fettle::kernels::portable {
namespace {

// Bytes of im2col columns a thread works on: about half of a small L2.
constexpr std::int64_t kBlockElements = std::int64_t{32} * 1024;

// Output pixels that one block covers.
std::int64_t block_pixels(const ConvShape& s) {
  return std::clamp<std::int64_t>(kBlockElements / std::max<std::int64_t>(1, s.depth()), 8,
                                  s.out_h * s.out_w);
}

std::int64_t columns_per_thread(const ConvShape& s) {
  return s.pointwise() ? 0 : block_pixels(s) * s.depth();
}

// K x P columns of pixels [first, last) of one group, for nchw.
void gather_nchw(const ConvShape& s, const float* x, std::int64_t first, std::int64_t last, float* columns) {
  const std::int64_t count = last - first;
  for (std::int64_t c = 0; c < s.in_per_group; ++c) {
    for (std::int64_t ky = 0; ky < s.kernel_h; ++ky) {
      for (std::int64_t kx = 0; kx < s.kernel_w; ++kx, columns += count) {
        for (std::int64_t p = first; p < last; ++p) {
          const std::int64_t iy = p / s.out_w * s.stride_h - s.pad_top + ky * s.dilation_h;
          const std::int64_t ix = p % s.out_w * s.stride_w - s.pad_left + kx * s.dilation_w;
          columns[p - first] = s.inside(iy, ix) ? x[(c * s.in_h + iy) * s.in_w + ix] : 0.0f;
        }
      }
    }
  }
}

// P x K rows of pixels [first, last) of one group, for nhwc.
void gather_nhwc(const ConvShape& s, const float* x, std::int64_t first, std::int64_t last, float* rows) {
  const auto bytes = static_cast<std::size_t>(s.in_per_group) * sizeof(float);
  for (std::int64_t p = first; p < last; ++p) {
    for (std::int64_t ky = 0; ky < s.kernel_h; ++ky) {
      const std::int64_t iy = p / s.out_w * s.stride_h - s.pad_top + ky * s.dilation_h;
      for (std::int64_t kx = 0; kx < s.kernel_w; ++kx, rows += s.in_per_group) {
        const std::int64_t ix = p % s.out_w * s.stride_w - s.pad_left + kx * s.dilation_w;
        if (s.inside(iy, ix))
          std::memcpy(rows, x + (iy * s.in_w + ix) * s.in_channels, bytes);
        else
          std::memset(rows, 0, bytes);
      }
    }
  }
}

// Bias, clamp, and for the region the residual and the clamp after it, on a block of the output.
template <typename Biased>
void finish(Matrix& y, Biased&& add_bias, const Epilogue& epilogue, const float* residual) {
  add_bias(y);
  y = y.cwiseMax(epilogue.clamp.low).cwiseMin(epilogue.clamp.high);
  if (residual == nullptr) return;
  y += ConstMatrix(residual, y.rows(), y.cols(), Stride(y.outerStride()));
  y = y.cwiseMax(epilogue.after_added.low).cwiseMin(epilogue.after_added.high);
}

const float* residual_of(const Call& call, const Epilogue& epilogue, std::int64_t offset) {
  const float* residual = epilogue.residual_of(call.inputs);
  return residual == nullptr ? nullptr : residual + offset;
}

void block_nchw(const ConvShape& s, const Call& call, const Epilogue& epilogue, std::int64_t image,
                std::int64_t group, std::int64_t first, std::int64_t last, float* scratch) {
  const std::int64_t pixels = s.out_h * s.out_w;
  const auto* weight =
      reinterpret_cast<const float*>(call.packed.data()) + group * s.out_per_group * s.depth();
  const auto* bias =
      reinterpret_cast<const float*>(call.packed.data()) + s.weight_elements() + group * s.out_per_group;
  const float* x = call.in(0) + (image * s.in_channels + group * s.in_per_group) * s.in_h * s.in_w;
  const std::int64_t offset = (image * s.out_channels + group * s.out_per_group) * pixels + first;
  Matrix y(call.out() + offset, s.out_per_group, last - first, Stride(pixels));
  const ConstMatrix w(weight, s.out_per_group, s.depth(), Stride(s.depth()));
  if (s.pointwise()) {
    multiply(y, w, ConstMatrix(x + first, s.depth(), last - first, Stride(pixels)));
  } else {
    gather_nchw(s, x, first, last, scratch);
    multiply(y, w, ConstMatrix(scratch, s.depth(), last - first, Stride(last - first)));
  }
  const auto add_bias = [&](Matrix& m) { m.colwise() += ConstColumn(bias, s.out_per_group); };
  finish(y, add_bias, epilogue, residual_of(call, epilogue, offset));
}

void block_nhwc(const ConvShape& s, const Call& call, const Epilogue& epilogue, std::int64_t image,
                std::int64_t group, std::int64_t first, std::int64_t last, float* scratch) {
  const auto* weight =
      reinterpret_cast<const float*>(call.packed.data()) + group * s.out_per_group * s.depth();
  const auto* bias =
      reinterpret_cast<const float*>(call.packed.data()) + s.weight_elements() + group * s.out_per_group;
  const float* x = call.in(0) + image * s.in_h * s.in_w * s.in_channels + group * s.in_per_group;
  const std::int64_t offset = (image * s.out_h * s.out_w + first) * s.out_channels + group * s.out_per_group;
  Matrix y(call.out() + offset, last - first, s.out_per_group, Stride(s.out_channels));
  const ConstMatrix w(weight, s.depth(), s.out_per_group, Stride(s.out_per_group));
  if (s.pointwise()) {
    multiply(y, ConstMatrix(x + first * s.in_channels, last - first, s.depth(), Stride(s.in_channels)), w);
  } else {
    gather_nhwc(s, x, first, last, scratch);
    multiply(y, ConstMatrix(scratch, last - first, s.depth(), Stride(s.depth())), w);
  }
  const auto add_bias = [&](Matrix& m) { m.rowwise() += ConstRow(bias, s.out_per_group); };
  finish(y, add_bias, epilogue, residual_of(call, epilogue, offset));
}

void conv(const Call& call) {
  const ConvShape s(call.layer);
  const Epilogue epilogue(call.layer);
  const std::int64_t pixels = s.out_h * s.out_w;
  const std::int64_t step = block_pixels(s);
  const std::int64_t blocks = (pixels + step - 1) / step;
  const bool nhwc = layout_of(call.layer) == Layout::nhwc;
  auto* scratch = reinterpret_cast<float*>(call.workspace);
  call.parallel(s.batch * s.groups * blocks, [&](std::int64_t begin, std::int64_t end, int worker) {
    float* columns = scratch + worker * columns_per_thread(s);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % blocks * step;
      const std::int64_t last = std::min(pixels, first + step);
      (nhwc ? block_nhwc : block_nchw)(s, call, epilogue, i / blocks / s.groups, i / blocks % s.groups, first,
                                       last, columns);
    }
  });
}

std::size_t workspace_bytes_convolution(const LayerDesc& layer, int threads) {
  return static_cast<std::size_t>(columns_per_thread(ConvShape(layer)) * threads) * sizeof(float);
}

Result<std::size_t> packed_bytes_convolution(const LayerDesc& layer, std::span<const ConstantBytes>) {
  const ConvShape s(layer);
  return static_cast<std::size_t>(s.weight_elements() + s.out_channels) * sizeof(float);
}

// nchw keeps ONNX's order (O x C x KH x KW); nhwc wants for each group KH x KW x C x O.
Status pack_convolution(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                        std::span<std::byte> packed) {
  const ConvShape s(layer);
  const auto* weight = reinterpret_cast<const float*>(constants[1].data());
  auto* target = reinterpret_cast<float*>(packed.data());
  if (layout_of(layer) == Layout::nchw) {
    std::memcpy(target, weight, static_cast<std::size_t>(s.weight_elements()) * sizeof(float));
  } else {
    const std::int64_t taps = s.kernel_h * s.kernel_w;
    for (std::int64_t o = 0; o < s.out_channels; ++o) {
      float* group = target + o / s.out_per_group * s.out_per_group * s.depth();
      for (std::int64_t c = 0; c < s.in_per_group; ++c) {
        for (std::int64_t t = 0; t < taps; ++t)
          group[(t * s.in_per_group + c) * s.out_per_group + o % s.out_per_group] =
              weight[(o * s.in_per_group + c) * taps + t];
      }
    }
  }
  float* bias = target + s.weight_elements();
  if (s.biased)
    std::memcpy(bias, constants[2].data(), static_cast<std::size_t>(s.out_channels) * sizeof(float));
  else
    std::memset(bias, 0, static_cast<std::size_t>(s.out_channels) * sizeof(float));
  return {};
}

Refusal supports_convolution(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = check_conv(layer); refusal != Refusal::none) return refusal;
  return check_second_part(layer);
}

constexpr Op kConvOp[] = {Op::conv};
constexpr std::string_view kConvName = "conv.gemm.f32.portable";
constexpr Kernel kConv = [] {
  Kernel kernel = entry<conv>(kConvName, kConvOp, kNchwNhwc<kF32>, supports_convolution);
  kernel.epilogues = kSelectedEpilogues<kConvName, kResidual>;
  kernel.workspace_bytes = workspace_bytes_convolution;
  kernel.packed_bytes = packed_bytes_convolution;
  kernel.pack = pack_convolution;
  kernel.packed_for_any_size = true;
  kernel.bounded_axes = BoundedAxes::outermost;
  return if_selected(kernel);
}();

}  // namespace

const Kernel& conv_entry() noexcept { return kConv; }

}  // namespace fettle::kernels::portable

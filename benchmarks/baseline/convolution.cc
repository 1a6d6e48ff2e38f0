// SPDX-License-Identifier: Apache-2.0
//
// Convolution in Caffe's manner: the whole image is unrolled to a matrix of pixels by products (not for 1x1),
// which is multiplied by the weights; bias before, clamp after, each a pass of its own.
#include "benchmarks/baseline/blas.h"
#include "benchmarks/baseline/rows.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace fettle::benchmarks {
namespace {

constexpr Op kPattern[] = {Op::conv};
constexpr Signature kSignatures[] = {{Layout::nhwc, Layout::nhwc, DataType::f32},
                                     {Layout::nchw, Layout::nhwc, DataType::f32},
                                     {Layout::nchw, Layout::nchw, DataType::f32}};

struct Convolution {
  std::int64_t batch, in_channels, in_h, in_w, out_channels, out_h, out_w, kernel_h, kernel_w;
  std::int64_t stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, groups, in_group, out_group;
  bool in_nhwc, out_nhwc, pointwise;

  explicit Convolution(const LayerDesc& layer) {
    const Attributes& a = layer.main().attributes;
    const Shape& x = layer.inputs[0].shape;
    const Shape& w = layer.inputs[1].shape;
    const Shape& y = layer.outputs[0].shape;
    const auto strides = a.integers("strides");
    const auto dilations = a.integers("dilations");
    const auto pads = a.integers("pads");
    batch = x[0], in_channels = x[1], in_h = x[2], in_w = x[3], out_channels = y[1], out_h = y[2],
    out_w = y[3];
    kernel_h = w[2], kernel_w = w[3], stride_h = strides[0], stride_w = strides[1];
    dilation_h = dilations[0], dilation_w = dilations[1], pad_top = pads[0], pad_left = pads[1];
    groups = a.integer("group", 1), in_group = in_channels / groups, out_group = out_channels / groups;
    in_nhwc = layer.inputs[0].format.layout == Layout::nhwc;
    out_nhwc = layer.outputs[0].format.layout == Layout::nhwc;
    pointwise = kernel_h == 1 && kernel_w == 1 && stride_h == 1 && stride_w == 1 && out_h == in_h &&
                out_w == in_w && pad_top == 0 && pad_left == 0;
  }
  std::int64_t depth() const { return in_group * kernel_h * kernel_w; }
  std::int64_t pixels() const { return out_h * out_w; }
  std::int64_t columns() const { return pointwise ? 0 : pixels() * depth(); }
  bool inside(std::int64_t y, std::int64_t x) const { return y >= 0 && y < in_h && x >= 0 && x < in_w; }
};

// One row of the unrolled matrix: what output pixel (oy, ox) is computed from, in the order of the packed
// weights.
void unroll_pixel(const Convolution& c, const float* x, std::int64_t oy, std::int64_t ox, float* row) {
  const std::int64_t top = oy * c.stride_h - c.pad_top;
  const std::int64_t left = ox * c.stride_w - c.pad_left;
  if (c.in_nhwc) {
    const auto bytes = static_cast<std::size_t>(c.in_group) * sizeof(float);
    for (std::int64_t ky = 0; ky < c.kernel_h; ++ky) {
      for (std::int64_t kx = 0; kx < c.kernel_w; ++kx, row += c.in_group) {
        const std::int64_t iy = top + ky * c.dilation_h;
        const std::int64_t ix = left + kx * c.dilation_w;
        if (c.inside(iy, ix))
          std::memcpy(row, x + (iy * c.in_w + ix) * c.in_channels, bytes);
        else
          std::memset(row, 0, bytes);
      }
    }
    return;
  }
  for (std::int64_t channel = 0; channel < c.in_group; ++channel, x += c.in_h * c.in_w) {
    for (std::int64_t ky = 0; ky < c.kernel_h; ++ky) {
      const std::int64_t iy = top + ky * c.dilation_h;
      for (std::int64_t kx = 0; kx < c.kernel_w; ++kx) {
        const std::int64_t ix = left + kx * c.dilation_w;
        *row++ = c.inside(iy, ix) ? x[iy * c.in_w + ix] : 0.0f;
      }
    }
  }
}

// The pixels [first, last) of one group of one image.
void convolve(const Convolution& c, const Call& call, std::int64_t image, std::int64_t group,
              std::int64_t first, std::int64_t last) {
  const std::int64_t in_pixels = c.in_h * c.in_w;
  const float* weight = call.weights() + group * c.depth() * c.out_group;
  const float* bias = call.weights() + c.depth() * c.out_channels + group * c.out_group;
  const float* x =
      call.input() + image * c.in_channels * in_pixels + group * c.in_group * (c.in_nhwc ? 1 : in_pixels);

  Operand columns{call.workspace() + first * c.depth(), c.depth()};
  if (c.pointwise && c.in_nhwc) columns = {x + first * c.in_channels, c.in_channels};
  if (c.pointwise && !c.in_nhwc) columns = {x + first, in_pixels, true};
  if (!c.pointwise) {
    float* row = call.workspace() + first * c.depth();
    for (std::int64_t p = first; p < last; ++p, row += c.depth())
      unroll_pixel(c, x, p / c.out_w, p % c.out_w, row);
  }

  const std::int64_t count = last - first;
  const Operand weights{weight, c.out_group};
  if (c.out_nhwc) {
    float* y = call.output() + (image * c.pixels() + first) * c.out_channels + group * c.out_group;
    for (std::int64_t p = 0; p < count; ++p) std::copy_n(bias, c.out_group, y + p * c.out_channels);
    add_product(count, c.out_group, c.depth(), columns, weights, y, c.out_channels);
    for (std::int64_t p = 0; p < count; ++p) call.clamp(y + p * c.out_channels, c.out_group);
  } else {
    float* y = call.output() + (image * c.out_channels + group * c.out_group) * c.pixels() + first;
    for (std::int64_t o = 0; o < c.out_group; ++o) std::fill_n(y + o * c.pixels(), count, bias[o]);
    const Operand rows{columns.data, columns.stride, !columns.transposed};
    add_product(c.out_group, count, c.depth(), {weights.data, weights.stride, true}, rows, y, c.pixels());
    for (std::int64_t o = 0; o < c.out_group; ++o) call.clamp(y + o * c.pixels(), count);
  }
}

void run(const Call& call) {
  const Convolution c(call.layer());
  for (std::int64_t image = 0; image < c.batch; ++image) {
    for (std::int64_t group = 0; group < c.groups; ++group) {
      call.share(c.pixels(), [&](std::int64_t first, std::int64_t last) {
        convolve(c, call, image, group, first, last);
      });
    }
  }
}

Refusal supports(const LayerDesc& layer, const Cpu&) {
  if (const Refusal refusal = check_f32(layer); refusal != Refusal::none) return refusal;
  if (layer.inputs[0].shape.rank() != 4) return Refusal::rank;
  const Convolution c(layer);
  return c.in_group == 1 && c.groups > 1 ? Refusal::groups : Refusal::none;
}

std::size_t workspace_bytes(const LayerDesc& layer, int) {
  return static_cast<std::size_t>(Convolution(layer).columns()) * sizeof(float);
}

Result<std::size_t> packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes>) {
  const Convolution c(layer);
  return static_cast<std::size_t>((c.depth() + 1) * c.out_channels) * sizeof(float);
}

// For each group products x channels, in the order of unroll_pixel; then the bias.
Status pack(const LayerDesc& layer, std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const Convolution c(layer);
  const auto* weight = reinterpret_cast<const float*>(constants[1].data());
  auto* target = reinterpret_cast<float*>(packed.data());
  const std::int64_t window = c.kernel_h * c.kernel_w;
  for (std::int64_t group = 0; group < c.groups; ++group) {
    for (std::int64_t k = 0; k < c.depth(); ++k) {
      const std::int64_t channel = c.in_nhwc ? k % c.in_group : k / window;
      const std::int64_t tap = c.in_nhwc ? k / c.in_group : k % window;
      for (std::int64_t o = 0; o < c.out_group; ++o)
        *target++ = weight[((group * c.out_group + o) * c.in_group + channel) * window + tap];
    }
  }
  if (layer.main().operands.size() > 2)
    std::memcpy(target, constants[2].data(), constants[2].size());
  else
    std::fill_n(target, c.out_channels, 0.0f);
  return {};
}

constexpr Kernel make_row(std::string_view name) {
  Kernel row{};
  row.name = name;
  row.revision = 1;
  row.pattern = kPattern;
  row.signatures = kSignatures;
  row.threaded = true;
  row.supports = supports;
  row.workspace_bytes = workspace_bytes;
  row.packed_bytes = packed_bytes;
  row.pack = pack;
  row.bind = bind<run>;
  return row;
}
constexpr Kernel kRow = make_row("conv.im2col.f32.openblas");

// As Caffe has it: in nchw alone.
constexpr Kernel make_caffe_row() {
  Kernel row = make_row("conv.im2col_nchw.f32.openblas");
  row.signatures = std::span(kSignatures).last(1);
  return row;
}
constexpr Kernel kCaffeRow = make_caffe_row();

}  // namespace

const Kernel& conv_row() noexcept { return kRow; }
const Kernel& caffe_conv_row() noexcept { return kCaffeRow; }

}  // namespace fettle::benchmarks

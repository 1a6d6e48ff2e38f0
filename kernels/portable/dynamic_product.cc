// SPDX-License-Identifier: Apache-2.0
//
// Products that quantise x while they run: its range, its bytes, a product of integers, and real numbers.
#include "kernels/common/conv_shape.h"
#include "kernels/common/integer_product.h"
#include "kernels/common/q8/dynamic_range.h"
#include "kernels/portable/dense_tiles.h"
#include "kernels/portable/patch_blocks.h"
#include "kernels/portable/portable.h"
#include "kernels/portable/quantised.h"

namespace fettle::kernels::portable {
namespace {

constexpr std::size_t whole_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

// PackedDynamic weights: rows, then for each output the sum of its weights, their scale, and the bias.
template <typename Integers, typename Reals>
struct PackedDynamic {
  Integers weight_sums;
  Reals scales;
  Reals bias;
  // `behind` the rows, which are multiples of 32 bytes.
  template <typename Byte>
  PackedDynamic(std::int64_t outputs, Byte* behind)
      : weight_sums(reinterpret_cast<Integers>(behind)),
        scales(reinterpret_cast<Reals>(weight_sums + outputs)),
        bias(scales + outputs) {}
};

std::size_t bytes_of_rows(std::int64_t outputs, std::int64_t depth) {
  return static_cast<std::size_t>(outputs * padded_depth(depth)) * sizeof(std::int16_t);
}
std::size_t bytes_of_packed(std::int64_t outputs, std::int64_t depth) {
  return bytes_of_rows(outputs, depth) + static_cast<std::size_t>(outputs) * 3 * sizeof(float);
}

template <typename ElementOf>
void pack_rows(const LayerDesc& layer, std::span<const ConstantBytes> constants, std::int64_t outputs,
               std::int64_t depth, std::span<std::byte> packed, ElementOf&& element_of) {
  auto* rows = reinterpret_cast<std::int16_t*>(packed.data());
  const PackedDynamic<std::int32_t*, float*> target(outputs, packed.data() + bytes_of_rows(outputs, depth));
  const bool per_channel = layer.inputs.size() > 3;
  for (std::int64_t o = 0; o < outputs; ++o) {
    std::int16_t* row = rows + o * padded_depth(depth);
    std::int32_t sum = 0;
    for (std::int64_t k = 0; k < depth; ++k) {
      row[k] = weight_steps(layer, constants, element_of(o, k));
      sum += row[k];
    }
    std::fill(row + depth, row + padded_depth(depth), std::int16_t{0});
    target.weight_sums[o] = sum;
    target.scales[o] =
        per_channel ? reinterpret_cast<const float*>(constants[3].data())[o] : layer.inputs[1].format.scale;
    target.bias[o] = reinterpret_cast<const float*>(constants[2].data())[o];
  }
}

// What all outputs share, by value: results that are written could otherwise change it, for all that a
// compiler knows.
struct FinishReal {
  PackedDynamic<const std::int32_t*, const float*> packed;
  float x_scale;
  std::int32_t x_zero;
  Clamp clamp;

  float operator()(std::int32_t sum, std::int32_t weight_sum, float scale, float bias) const {
    const std::int32_t steps = sum - x_zero * weight_sum;
    const float real = static_cast<float>(steps) * (x_scale * scale) + bias;
    // NaN stays what it is.
    const float above = real < clamp.low ? clamp.low : real;
    return above > clamp.high ? clamp.high : above;
  }
};

void finish_real_outputs(FinishReal f, std::int64_t first, std::int64_t count, const std::int32_t* sums,
                         float* y) {
  for (std::int64_t i = 0; i < count; ++i)
    y[i] = f(sums[i], f.packed.weight_sums[first + i], f.packed.scales[first + i], f.packed.bias[first + i]);
}

void finish_real_pixels(FinishReal f, std::int64_t output, std::int64_t count, const std::int32_t* sums,
                        float* y) {
  const std::int32_t weight_sum = f.packed.weight_sums[output];
  const float scale = f.packed.scales[output];
  const float bias = f.packed.bias[output];
  for (std::int64_t i = 0; i < count; ++i) y[i] = f(sums[i], weight_sum, scale, bias);
}

// The bytes of x, at the beginning of the workspace, and what they mean.
struct QuantisedX {
  const std::uint8_t* bytes;
  float scale;
  int zero;
};

std::size_t x_bytes(const LayerDesc& layer) {
  return whole_lines(static_cast<std::size_t>(layer.inputs[0].shape.elements()));
}
std::size_t range_bytes(int threads) {
  return whole_lines(static_cast<std::size_t>(threads) * sizeof(DynamicRange));
}

QuantisedX quantise_x(const Call& call) {
  const std::int64_t count = call.layer.inputs[0].shape.elements();
  const auto* x = call.in<float>(0);
  auto* bytes = reinterpret_cast<std::uint8_t*>(call.workspace);
  auto* ranges = reinterpret_cast<DynamicRange*>(call.workspace + x_bytes(call.layer));
  const QuantisedInput input = quantise_input(call.pool, call.threads, x, count, ranges, bytes);
  return {bytes, input.scale, input.zero};
}

std::size_t bytes_before_scratch(const LayerDesc& layer, int threads) {
  return x_bytes(layer) + range_bytes(threads);
}
std::byte* scratch_of(const Call& call) {
  return call.workspace + bytes_before_scratch(call.layer, call.threads);
}

FinishReal finish_for(const Call& call, const WeightRows& w, const QuantisedX& x) {
  const auto* behind = reinterpret_cast<const std::byte*>(w.weights + w.outputs * w.depth);
  return {{w.outputs, behind}, x.scale, x.zero, clamp_of(call.layer)};
}

WeightRows rows_of(const Call& call, std::int64_t outputs, std::int64_t depth) {
  return {outputs, padded_depth(depth), reinterpret_cast<const std::int16_t*>(call.packed.data())};
}

// ---- dense ----

void dense_dynamic(const Call& call) {
  const DenseShape s(call.layer);
  const WeightRows w = rows_of(call, s.outputs, s.depth);
  const QuantisedX x = quantise_x(call);
  const FinishReal finish = finish_for(call, w, x);
  for_each_tile(call, s, w, x.bytes, 0, scratch_of(call),
                [&](std::int64_t row, std::int64_t first, std::int64_t count, const std::int32_t* sums) {
                  finish_real_outputs(finish, first, count, sums, call.out() + row * s.outputs + first);
                });
}

std::size_t dense_workspace(const LayerDesc& layer, int threads) {
  return bytes_before_scratch(layer, threads) +
         tile_bytes(DenseShape(layer)) * static_cast<std::size_t>(threads);
}

Result<std::size_t> dense_packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes>) {
  const DenseShape s(layer);
  return bytes_of_packed(s.outputs, s.depth);
}

Status dense_pack(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                  std::span<std::byte> packed) {
  const DenseShape s(layer);
  pack_rows(layer, constants, s.outputs, s.depth, packed,
            [&](std::int64_t o, std::int64_t k) { return s.element(o, k); });
  return {};
}

Refusal supports_dense_dynamic(const LayerDesc& layer, const Cpu&) {
  if (const Refusal no = check_dense_layer(layer); no != Refusal::none) return no;
  if (layout_of(layer) != Layout::nchw) return Refusal::layout;
  return check_dynamic_product(layer, DenseShape(layer).outputs);
}

// ---- convolution ----

void convolve_dynamic(const Call& call) {
  const ConvShape s(call.layer);
  const WeightRows w = rows_of(call, s.out_channels, s.depth());
  const QuantisedX x = quantise_x(call);
  const FinishReal finish = finish_for(call, w, x);
  Format stored;
  stored.type = DataType::u8;
  stored.scale = x.scale;
  stored.zero_point = x.zero;
  for_each_patch_block(
      call, s, w, x.bytes, Source(stored), scratch_of(call),
      [&](std::int64_t at, std::int64_t first, std::int64_t count, const std::int32_t* sums) {
        finish_real_outputs(finish, first, count, sums, call.out() + at);
      },
      [&](std::int64_t at, std::int64_t output, std::int64_t count, const std::int32_t* sums) {
        finish_real_pixels(finish, output, count, sums, call.out() + at);
      });
}

std::size_t convolution_workspace(const LayerDesc& layer, int threads) {
  return bytes_before_scratch(layer, threads) +
         patch_block_bytes(ConvShape(layer)) * static_cast<std::size_t>(threads);
}

Result<std::size_t> convolution_packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes>) {
  const ConvShape s(layer);
  return bytes_of_packed(s.out_channels, s.depth());
}

Status convolution_pack(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                        std::span<std::byte> packed) {
  const ConvShape s(layer);
  pack_rows(layer, constants, s.out_channels, s.depth(), packed,
            [&](std::int64_t o, std::int64_t k) { return patch_element(s, layout_of(layer), o, k); });
  return {};
}

Refusal supports_convolution_dynamic(const LayerDesc& layer, const Cpu&) {
  if (const Refusal no = check_conv(layer, 4); no != Refusal::none) return no;
  const Layout layout = layout_of(layer);
  if (layout == Layout::nchwc || !fits_layout(layer.inputs[0], layout) ||
      !fits_layout(layer.outputs.front(), layout))
    return Refusal::layout;
  return check_dynamic_product(layer, ConvShape(layer).out_channels);
}

constexpr Op kConvOpDynamic[] = {Op::conv};
constexpr Op kGemmOpDynamic[] = {Op::gemm};
constexpr Op kMatmulOpDynamic[] = {Op::matmul};

constexpr Kernel dense_entry_dynamic(std::string_view name, std::span<const Op> pattern) {
  return with_packed(entry<dense_dynamic>(name, pattern, kNchw<>, supports_dense_dynamic), dense_workspace,
                     dense_packed_bytes, dense_pack);
}
constexpr Kernel kConvDynamic =
    with_packed(entry<convolve_dynamic>("conv.dynamic.u8.portable", kConvOpDynamic, kNchwNhwc<>,
                                        supports_convolution_dynamic),
                convolution_workspace, convolution_packed_bytes, convolution_pack);
constexpr Kernel kGemmDynamic = dense_entry_dynamic("gemm.dynamic.u8.portable", kGemmOpDynamic);
constexpr Kernel kMatmulDynamic = dense_entry_dynamic("matmul.dynamic.u8.portable", kMatmulOpDynamic);
constexpr const Kernel* kDenseEntries[] = {kept(kGemmDynamic), kept(kMatmulDynamic)};

}  // namespace

const Kernel& conv_dynamic_entry() noexcept { return kConvDynamic; }
std::span<const Kernel* const> product_dynamic_entries() noexcept { return kDenseEntries; }

}  // namespace fettle::kernels::portable

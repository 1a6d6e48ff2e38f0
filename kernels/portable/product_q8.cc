// SPDX-License-Identifier: Apache-2.0
#include "kernels/portable/product_q8.h"

#include "kernels/portable/dense_tiles.h"
#include "kernels/portable/portable.h"

namespace fettle::kernels::portable {

namespace {

// Sums of two rows with four outputs: as many as stay in registers.
void dot_2x4(const std::int16_t* x, const std::int16_t* w, std::int64_t depth, std::int32_t* sums) noexcept {
  const std::int16_t* x1 = x + depth;
  const std::int16_t* w1 = w + depth;
  const std::int16_t* w2 = w1 + depth;
  const std::int16_t* w3 = w2 + depth;
  std::int32_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
  for (std::int64_t k = 0; k < depth; ++k) {
    a += std::int32_t{x[k]} * w[k];
    b += std::int32_t{x[k]} * w1[k];
    c += std::int32_t{x[k]} * w2[k];
    d += std::int32_t{x[k]} * w3[k];
    e += std::int32_t{x1[k]} * w[k];
    f += std::int32_t{x1[k]} * w1[k];
    g += std::int32_t{x1[k]} * w2[k];
    h += std::int32_t{x1[k]} * w3[k];
  }
  sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
  sums[4] = e, sums[5] = f, sums[6] = g, sums[7] = h;
}

void dot_1x4(const std::int16_t* x, const std::int16_t* w, std::int64_t depth, std::int32_t* sums) noexcept {
  const std::int16_t* w1 = w + depth;
  const std::int16_t* w2 = w1 + depth;
  const std::int16_t* w3 = w2 + depth;
  std::int32_t a = 0, b = 0, c = 0, d = 0;
  for (std::int64_t k = 0; k < depth; ++k) {
    a += std::int32_t{x[k]} * w[k];
    b += std::int32_t{x[k]} * w1[k];
    c += std::int32_t{x[k]} * w2[k];
    d += std::int32_t{x[k]} * w3[k];
  }
  sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

std::int32_t dot(const std::int16_t* x, const std::int16_t* w, std::int64_t depth) noexcept {
  std::int32_t sum = 0;
  for (std::int64_t k = 0; k < depth; ++k) sum += std::int32_t{x[k]} * w[k];
  return sum;
}

}  // namespace

ProductQ8::ProductQ8(std::int64_t outputs_, std::int64_t depth_, std::span<const std::byte> packed) noexcept
    : WeightRows{outputs_, padded_depth(depth_), reinterpret_cast<const std::int16_t*>(packed.data())},
      bias(reinterpret_cast<const std::int32_t*>(weights + outputs * depth)),
      multipliers(reinterpret_cast<const float*>(bias + outputs)) {}

std::size_t ProductQ8::bytes(std::int64_t outputs, std::int64_t depth) noexcept {
  return static_cast<std::size_t>(outputs) *
         (static_cast<std::size_t>(padded_depth(depth)) * sizeof(std::int16_t) + sizeof(std::int32_t) +
          sizeof(float));
}

PackedQ8::PackedQ8(std::int64_t outputs, std::int64_t depth, std::span<std::byte> packed) noexcept
    : weights(reinterpret_cast<std::int16_t*>(packed.data())),
      bias(reinterpret_cast<std::int32_t*>(weights + outputs * padded_depth(depth))),
      multipliers(reinterpret_cast<float*>(bias + outputs)) {}

std::int16_t weight_steps(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                          std::int64_t element) noexcept {
  const auto byte = std::to_integer<std::uint8_t>(constants[1][static_cast<std::size_t>(element)]);
  return static_cast<std::int16_t>(Source(layer.inputs[1].format).steps(byte));
}

void widen(const std::uint8_t* bytes, std::int64_t count, std::uint8_t flip, std::int16_t* row) noexcept {
  for (std::int64_t i = 0; i < count; ++i) row[i] = static_cast<std::int16_t>(bytes[i] ^ flip);
  std::fill(row + count, row + padded_depth(count), std::int16_t{0});
}

void multiply(const WeightRows& w, const std::int16_t* rows, std::int64_t count, std::int64_t first,
              std::int64_t last, std::int32_t* sums, std::int64_t row_step,
              std::int64_t output_step) noexcept {
  std::int64_t o = first;
  for (; o + 4 <= last; o += 4) {
    const std::int16_t* weights = w.weights + o * w.depth;
    std::int32_t block[8];
    std::int64_t r = 0;
    for (; r + 2 <= count; r += 2) {
      dot_2x4(rows + r * w.depth, weights, w.depth, block);
      for (std::int64_t i = 0; i < 8; ++i)
        sums[(r + i / 4) * row_step + (o - first + i % 4) * output_step] = block[i];
    }
    if (r == count) continue;
    dot_1x4(rows + r * w.depth, weights, w.depth, block);
    for (std::int64_t i = 0; i < 4; ++i) sums[r * row_step + (o - first + i) * output_step] = block[i];
  }
  for (; o < last; ++o) {
    for (std::int64_t r = 0; r < count; ++r)
      sums[r * row_step + (o - first) * output_step] =
          dot(rows + r * w.depth, w.weights + o * w.depth, w.depth);
  }
}

namespace {

void dense(const Call& call) {
  const DenseShape s(call.layer);
  const ProductQ8 w(s.outputs, s.depth, call.packed);
  const Target target = target_of(call.layer);
  const std::uint8_t flip = flip_of(call.layer.inputs[0].format.type);
  for_each_tile(call, s, w, call.in<std::uint8_t>(0), flip, call.workspace,
                [&](std::int64_t row, std::int64_t first, std::int64_t count, const std::int32_t* sums) {
                  finish_outputs(w, target, first, count, sums,
                                 call.out<std::uint8_t>() + row * s.outputs + first);
                });
}

std::size_t workspace_bytes_product_q8(const LayerDesc& layer, int threads) {
  return tile_bytes(DenseShape(layer)) * static_cast<std::size_t>(threads);
}

Result<std::size_t> packed_bytes_product_q8(const LayerDesc& layer, std::span<const ConstantBytes>) {
  const DenseShape s(layer);
  return ProductQ8::bytes(s.outputs, s.depth);
}

Status pack_product_q8(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                       std::span<std::byte> packed) {
  const DenseShape s(layer);
  pack_product(layer, constants, s.outputs, s.depth, packed,
               [&](std::int64_t o, std::int64_t k) { return s.element(o, k); });
  return {};
}

Refusal supports_product_q8(const LayerDesc& layer, const Cpu&) {
  if (const Refusal no = check_dense_layer(layer); no != Refusal::none) return no;
  if (const Refusal no = check_q8_product(layer, DenseShape(layer).outputs); no != Refusal::none) return no;
  return layout_of(layer) == Layout::nchw ? Refusal::none : Refusal::layout;
}

constexpr Op kGemmOpQ8[] = {Op::gemm};
constexpr Op kMatmulOpQ8[] = {Op::matmul};

constexpr Kernel dense_entry(std::string_view name, std::span<const Op> pattern) {
  return with_packed(entry<dense>(name, pattern, kNchw<>, supports_product_q8), workspace_bytes_product_q8,
                     packed_bytes_product_q8, pack_product_q8);
}
constexpr Kernel kGemmQ8 = dense_entry("gemm.packed.q8.portable", kGemmOpQ8);
constexpr Kernel kMatmulQ8 = dense_entry("matmul.packed.q8.portable", kMatmulOpQ8);
constexpr const Kernel* kProductQ8Table[] = {kept(kGemmQ8), kept(kMatmulQ8)};

}  // namespace

std::span<const Kernel* const> product_q8_entries() noexcept { return kProductQ8Table; }

}  // namespace fettle::kernels::portable

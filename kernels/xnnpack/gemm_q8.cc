// SPDX-License-Identifier: Apache-2.0
//
// Quantised dense layers: gemm and matmul with a constant matrix on the right.
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/gemm.h"
#include "kernels/xnnpack/quantised.h"

namespace fettle::kernels::xnnpack {
namespace {

struct ProductQ8 : Product {
  static constexpr std::size_t kOperands = 3;

  Refusal read(const LayerDesc& layer);
  xnn_status create(const LayerDesc& layer, const Weights& weights, xnn_weights_cache_t cache,
                    Operator& op) const noexcept;
  xnn_status reshape(xnn_operator_t op, std::size_t&, pthreadpool_t threads) const noexcept {
    return is_signed ? xnn_reshape_fully_connected_nc_qs8_qc8w(op, height, threads)
                     : xnn_reshape_fully_connected_nc_qu8(op, height, threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return is_signed ? set_up_with(xnn_setup_fully_connected_nc_qs8_qc8w, op, at)
                     : set_up_with(xnn_setup_fully_connected_nc_qu8, op, at);
  }

  bool is_signed = false;
};

Refusal ProductQ8::read(const LayerDesc& layer) {
  const DataType type = layer.operand(0)->format.type;
  if (!is_quantised_type(type)) return Refusal::data_type;
  is_signed = type == DataType::s8;
  if (Refusal no = read_product(layer, *this, type, DataType::s32); no != Refusal::none) return no;
  return check_product(layer, static_cast<std::int64_t>(columns));
}

xnn_status ProductQ8::create(const LayerDesc& layer, const Weights& weights, xnn_weights_cache_t cache,
                             Operator& op) const noexcept {
  const Format& x = layer.operand(0)->format;
  const Format& y = layer.outputs[0].format;
  const Format& k = layer.operand(1)->format;
  const StoredRange range = range_of(layer);
  const auto* bias = weights.bias_as<std::int32_t>();
  if (is_signed) {
    return xnn_create_fully_connected_nc_qs8_qc8w(
        depth, columns, depth, output_stride, static_cast<std::int8_t>(x.zero_point), x.scale,
        weights.scales.get(), weights.values_as<std::int8_t>(), bias, static_cast<std::int8_t>(y.zero_point),
        y.scale, static_cast<std::int8_t>(range.low), static_cast<std::int8_t>(range.high), flags(), nullptr,
        cache, op.out());
  }
  return xnn_create_fully_connected_nc_qu8(
      depth, columns, depth, output_stride, static_cast<std::uint8_t>(x.zero_point), x.scale,
      static_cast<std::uint8_t>(k.zero_point), k.scale, weights.values_as<std::uint8_t>(), bias,
      static_cast<std::uint8_t>(y.zero_point), y.scale, static_cast<std::uint8_t>(range.low),
      static_cast<std::uint8_t>(range.high), flags(), nullptr, cache, op.out());
}

}  // namespace

constinit const Kernel kGemmQ8 = entry<ProductQ8, Op::gemm>("gemm.packed.q8.xnnpack", kNchw<>);
constinit const Kernel kMatmulQ8 = entry<ProductQ8, Op::matmul>("matmul.packed.q8.xnnpack", kNchw<>);

}  // namespace fettle::kernels::xnnpack

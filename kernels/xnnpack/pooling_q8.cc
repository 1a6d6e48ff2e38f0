// SPDX-License-Identifier: Apache-2.0
//
// Max pooling of quantised pictures, which keep their quantisation.
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/pooling.h"
#include "kernels/xnnpack/quantised.h"

namespace fettle::kernels::xnnpack {
namespace {

constexpr std::uint32_t kMostTaps = 9;  // larger windows read their own output back, and past its end

struct MaxPoolingQ8 : MaxPooling {
  static constexpr DataType kType = DataType::undefined;

  Refusal read(const LayerDesc& layer) {
    const DataType type = layer.outputs[0].format.type;
    is_signed = type == DataType::s8;
    if (Refusal no = check_quantised(layer, type); no != Refusal::none) return no;
    if (Refusal no = read_as(layer, type); no != Refusal::none) return no;
    return window.kernel_height * window.kernel_width <= kMostTaps ? Refusal::none : Refusal::kernel_size;
  }
  xnn_status create(const LayerDesc& layer, Operator& op) const noexcept {
    const StoredRange range = range_of(layer);
    if (is_signed) {
      return create_with(xnn_create_max_pooling2d_nhwc_s8, static_cast<std::int8_t>(range.low),
                         static_cast<std::int8_t>(range.high), op);
    }
    return create_with(xnn_create_max_pooling2d_nhwc_u8, static_cast<std::uint8_t>(range.low),
                       static_cast<std::uint8_t>(range.high), op);
  }
  xnn_status reshape(xnn_operator_t op, std::size_t&, pthreadpool_t threads) const noexcept {
    return reshape_with(is_signed ? xnn_reshape_max_pooling2d_nhwc_s8 : xnn_reshape_max_pooling2d_nhwc_u8, op,
                        threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return is_signed ? set_up_with(xnn_setup_max_pooling2d_nhwc_s8, op, at)
                     : set_up_with(xnn_setup_max_pooling2d_nhwc_u8, op, at);
  }

  bool is_signed = false;
};

}  // namespace

constinit const Kernel kMaxPoolQ8 = picture_entry<MaxPoolingQ8, Op::max_pool>("max_pool.indirect.q8.xnnpack");

}  // namespace fettle::kernels::xnnpack

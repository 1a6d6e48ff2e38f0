// SPDX-License-Identifier: Apache-2.0
//
// Global average pooling of quantised pictures. XNNPACK sums up in the workspace.
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/mean.h"
#include "kernels/xnnpack/quantised.h"

namespace fettle::kernels::xnnpack {
namespace {

struct MeanQ8 : Mean {
  Refusal read(const LayerDesc& layer) {
    const DataType type = layer.outputs[0].format.type;
    if (Refusal no = check_quantised(layer, type); no != Refusal::none) return no;
    if (Refusal no = read_mean(layer, *this, type); no != Refusal::none) return no;
    return range_is_full(layer) ? Refusal::none : Refusal::clamp;
  }
  std::size_t workspace_bytes(int) const noexcept { return staging_bytes(results); }
  xnn_status create(const LayerDesc& layer, Operator& op) const noexcept {
    const xnn_quantization_params x = quantization_of(layer.operand(0)->format);
    const xnn_quantization_params y = quantization_of(layer.outputs[0].format);
    return xnn_create_reduce_nd(xnn_reduce_mean, datatype_of(layer.outputs[0].format.type), &x, &y, 0,
                                op.out());
  }
  xnn_status reshape(xnn_operator_t op, std::size_t& workspace, pthreadpool_t threads) const noexcept {
    return reshape_with(op, workspace, threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return xnn_setup_reduce_nd(op, at.workspace, at.operand[0], at.output);
  }
};

}  // namespace

constinit const Kernel kGlobalAveragePoolQ8 =
    entry<MeanQ8, Op::global_average_pool>("global_average_pool.direct.q8.xnnpack", kNchwNhwcAny<>);

}  // namespace fettle::kernels::xnnpack

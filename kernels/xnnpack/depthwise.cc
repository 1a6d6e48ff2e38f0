// SPDX-License-Identifier: Apache-2.0
//
// Depthwise convolution: each input channel by itself, to one output channel or, with a multiplier, to
// several.
#include "kernels/xnnpack/convolution.h"
#include "kernels/xnnpack/rows.h"

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kPattern[] = {Op::conv};

Refusal supports(const LayerDesc& layer, const Cpu&) {
  Convolution c;
  if (const Refusal no = read_convolution(layer, c); no != Refusal::none) return no;
  return c.groups > 1 && c.group_inputs == 1 ? Refusal::none : Refusal::groups;
}

}  // namespace

constinit const Kernel kDepthwiseConv = {
    .name = "dwconv.direct.f32.xnnpack",
    .revision = 1,
    .pattern = kPattern,
    .isa = kRequiredIsa,
    .type = DataType::f32,
    .layouts = kNhwcOnly,
    .input_striding = Striding::pixels,
    .output_striding = Striding::pixels,
    .overread_bytes = kOverreadBytes,
    .threaded = true,
    .supports = supports,
    .workspace_bytes = convolution_workspace,
    .packed_bytes = convolution_packed_bytes,
    .pack = pack_convolution,
    .bind = bind_convolution,
};

}  // namespace fettle::kernels::xnnpack

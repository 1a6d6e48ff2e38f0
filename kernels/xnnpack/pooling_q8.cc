// SPDX-License-Identifier: Apache-2.0
//
// Max pooling of quantised pictures, which keep their quantisation.
#include "kernels/xnnpack/convolution.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pooling.h"
#include "kernels/xnnpack/quantised.h"
#include "kernels/xnnpack/rows.h"

#include <new>

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kPattern[] = {Op::max_pool};
constexpr std::uint32_t kMostTaps = 9;  // larger windows read their own output back, and past its end

Refusal read(const LayerDesc& layer, Pooling& p) {
  if (layer.outputs.size() != 1) return Refusal::op;
  const DataType type = layer.outputs[0].format.type;
  if (Refusal no = check_quantised(layer, type); no != Refusal::none) return no;
  if (Refusal no = read_max_pool(layer, p, type); no != Refusal::none) return no;
  return p.window.kernel_height * p.window.kernel_width <= kMostTaps ? Refusal::none : Refusal::kernel_size;
}

Refusal supports(const LayerDesc& layer, const Cpu&) {
  Pooling p;
  return read(layer, p);
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept
      : BoundOperator(args),
        input_(input_index(args.layer, 0)),
        signed_(args.layer.outputs[0].format.type == DataType::s8) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Pooling p;
    if (read(args.layer, p) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    if (Status created = check_created(create(args.layer, p.window), op_); !created) return created;
    const auto reshape = signed_ ? xnn_reshape_max_pooling2d_nhwc_s8 : xnn_reshape_max_pooling2d_nhwc_u8;
    return check(reshape(op_.get(), p.input.batch, p.input.height, p.input.width, p.input.channels,
                         p.input.stride, p.output.stride, nullptr, nullptr, &threads_),
                 "reshape an operator");
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    const xnn_status status =
        signed_ ? xnn_setup_max_pooling2d_nhwc_s8(op_.get(), static_cast<const std::int8_t*>(inputs[input_]),
                                                  static_cast<std::int8_t*>(outputs[0]))
                : xnn_setup_max_pooling2d_nhwc_u8(op_.get(), static_cast<const std::uint8_t*>(inputs[input_]),
                                                  static_cast<std::uint8_t*>(outputs[0]));
    return check(status, "set up an operator");
  }

 private:
  xnn_status create(const LayerDesc& layer, const Window& w) noexcept {
    const StoredRange range = range_of(layer);
    if (signed_) {
      return xnn_create_max_pooling2d_nhwc_s8(
          w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width, w.stride_height, w.stride_width,
          w.dilation_height, w.dilation_width, static_cast<std::int8_t>(range.low),
          static_cast<std::int8_t>(range.high), 0, op_.out());
    }
    return xnn_create_max_pooling2d_nhwc_u8(w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width,
                                            w.stride_height, w.stride_width, w.dilation_height,
                                            w.dilation_width, static_cast<std::uint8_t>(range.low),
                                            static_cast<std::uint8_t>(range.high), 0, op_.out());
  }

  std::size_t input_;
  bool signed_;
};

Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound> bound(new (std::nothrow) Bound(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

}  // namespace

constinit const Kernel kMaxPoolQ8 = {
    .name = "max_pool.indirect.q8.xnnpack",
    .revision = 1,
    .pattern = kPattern,
    .isa = kRequiredIsa,
    .type = DataType::undefined,
    .layouts = kNhwcOnly,
    .input_striding = Striding::pixels,
    .output_striding = Striding::pixels,
    .overread_bytes = kOverreadBytes,
    .threaded = true,
    .supports = supports,
    .workspace_bytes = nullptr,
    .packed_bytes = nullptr,
    .pack = nullptr,
    .bind = bind,
};

}  // namespace fettle::kernels::xnnpack

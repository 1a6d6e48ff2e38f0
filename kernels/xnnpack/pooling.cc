// SPDX-License-Identifier: Apache-2.0
//
// Max and average pooling with windows.
//
// XNNPACK rounds output extents down. Rounding up (ceil_mode) is had by padding further at the bottom and
// right, which is harmless: padding is left out of the maximum, and out of the average unless it counts.
#include "kernels/xnnpack/pooling.h"

#include "kernels/xnnpack/convolution.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/rows.h"

#include <algorithm>
#include <new>

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kMaxPattern[] = {Op::max_pool};
constexpr Op kAveragePattern[] = {Op::average_pool};

// One axis: fits the padding at the end so that XNNPACK computes `outputs` positions, all of which touch the
// input.
bool fit_end(std::size_t inputs, std::size_t outputs, std::int64_t span, std::uint32_t stride,
             std::uint32_t begin, std::uint32_t asked_end, std::uint32_t& end) noexcept {
  const auto in = static_cast<std::int64_t>(inputs);
  const auto out = static_cast<std::int64_t>(outputs);
  // What ONNX allows, rounding down or up.
  const std::int64_t room = in + begin + asked_end - span;
  if (room < 0) return false;
  if (out != room / stride + 1 && out != (room + stride - 1) / stride + 1) return false;
  const std::int64_t last = (out - 1) * stride - begin;  // where the last window begins
  if (begin >= span || last >= in) return false;
  end = static_cast<std::uint32_t>(std::max<std::int64_t>(0, last + span - in));
  // XNNPACK keeps tables for the padded rows at either end, which may not be more than there are rows.
  return (std::int64_t{end} + stride - 1) / stride <= out;
}

Refusal read_pooling(const LayerDesc& layer, Op op, Pooling& p, DataType type) {
  if (Refusal no = check_pattern(layer, op, 1); no != Refusal::none) return no;
  if (layer.outputs.size() != 1) return Refusal::op;  // the places of the largest elements
  const TensorDesc& x = *layer.operand(0);
  if (x.constant) return Refusal::constant;
  if (Refusal no = read_pixels(x, p.input, type); no != Refusal::none) return no;
  if (Refusal no = read_pixels(layer.outputs[0], p.output, type); no != Refusal::none) return no;
  const int rank = x.shape.rank();
  if (layer.outputs[0].shape.rank() != rank) return Refusal::rank;
  const Attributes& attributes = layer.main().attributes;
  if (attributes.integers("kernel_shape").empty()) return Refusal::kernel_size;
  if (attributes.integer("storage_order", 0) != 0) return Refusal::attribute;
  if (Refusal no = read_window(attributes, rank - 2, p.window); no != Refusal::none) return no;
  if (p.input.batch != p.output.batch || p.input.channels != p.output.channels) return Refusal::shape;
  Window& w = p.window;
  p.asks_for_padding = (w.top | w.left | w.bottom | w.right) != 0;
  const std::uint32_t bottom = w.bottom;
  const std::uint32_t right = w.right;
  if (!fit_end(p.input.height, p.output.height, w.span_height(), w.stride_height, w.top, bottom, w.bottom) ||
      !fit_end(p.input.width, p.output.width, w.span_width(), w.stride_width, w.left, right, w.right)) {
    return Refusal::padding;
  }
  const std::int64_t taps = std::int64_t{w.kernel_height} * w.kernel_width;
  if (!fits_memory({static_cast<std::int64_t>(p.output.height) + 2 * std::int64_t{w.top} + 2,
                    static_cast<std::int64_t>(p.output.width) + 16, taps + 16})) {
    return Refusal::too_large;
  }
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

}  // namespace

Refusal read_max_pool(const LayerDesc& layer, Pooling& p, DataType type) {
  if (Refusal no = read_pooling(layer, Op::max_pool, p, type); no != Refusal::none) return no;
  const Window& w = p.window;
  const std::uint32_t taps = w.kernel_height * w.kernel_width;
  if (taps < 2) return Refusal::kernel_size;
  // Larger windows take several passes, which read the output back four channels at a time, and past its end.
  if (taps > 9 && p.input.channels % 4 != 0) return Refusal::shape;
  if (w.stride_height > w.kernel_height || w.stride_width > w.kernel_width) return Refusal::stride;
  // XNNPACK replaces a padded tap by the nearest pixel, which a dilated window need not contain.
  const bool dilated = w.dilation_height > 1 || w.dilation_width > 1;
  return dilated && (w.top | w.left | w.bottom | w.right) != 0 ? Refusal::padding : Refusal::none;
}

namespace {

Refusal read_average(const LayerDesc& layer, Pooling& p) {
  if (Refusal no = read_pooling(layer, Op::average_pool, p, DataType::f32); no != Refusal::none) return no;
  if (p.window.dilation_height != 1 || p.window.dilation_width != 1) return Refusal::dilation;
  // XNNPACK divides by the number of pixels under the window, never by that of pixels and padding.
  return p.asks_for_padding && layer.main().attributes.integer("count_include_pad", 0) != 0 ? Refusal::padding
                                                                                            : Refusal::none;
}

Refusal supports_max(const LayerDesc& layer, const Cpu&) {
  Pooling p;
  return read_max_pool(layer, p);
}

Refusal supports_average(const LayerDesc& layer, const Cpu&) {
  Pooling p;
  return read_average(layer, p);
}

class BoundMax final : public BoundOperator {
 public:
  explicit BoundMax(const BindArgs& args) noexcept
      : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Pooling p;
    if (read_max_pool(args.layer, p) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    const Window& w = p.window;
    const Clamp clamp = output_clamp(args.layer);
    const xnn_status status = xnn_create_max_pooling2d_nhwc_f32(
        w.top, w.right, w.bottom, w.left, w.kernel_height, w.kernel_width, w.stride_height, w.stride_width,
        w.dilation_height, w.dilation_width, clamp.low, clamp.high, 0, op_.out());
    if (Status created = check_created(status, op_); !created) return created;
    return check(xnn_reshape_max_pooling2d_nhwc_f32(op_.get(), p.input.batch, p.input.height, p.input.width,
                                                    p.input.channels, p.input.stride, p.output.stride,
                                                    nullptr, nullptr, &threads_),
                 "reshape an operator");
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    return check(xnn_setup_max_pooling2d_nhwc_f32(op_.get(), static_cast<const float*>(inputs[input_]),
                                                  static_cast<float*>(outputs[0])),
                 "set up an operator");
  }

 private:
  std::size_t input_;
};

xnn_status create_average(const LayerDesc& layer, const Window& w, Operator& op) noexcept {
  const Clamp clamp = output_clamp(layer);
  return xnn_create_average_pooling2d_nhwc_f32(w.top, w.right, w.bottom, w.left, w.kernel_height,
                                               w.kernel_width, w.stride_height, w.stride_width, clamp.low,
                                               clamp.high, 0, op.out());
}

std::size_t average_workspace(const LayerDesc& layer, int threads) {
  Pooling p;
  if (read_average(layer, p) != Refusal::none) return 0;
  const Window& w = p.window;
  // With padding XNNPACK uses another kernel, which needs a quarter of the memory.
  const bool padded = (w.top | w.left | w.bottom | w.right) != 0;
  return passes_workspace(std::size_t{w.kernel_height} * w.kernel_width, p.input.channels, p.output, threads,
                          padded ? 1 : 4);
}

class BoundAverage final : public BoundOperator {
 public:
  explicit BoundAverage(const BindArgs& args) noexcept
      : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Pooling p;
    if (read_average(args.layer, p) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    if (Status created = check_created(create_average(args.layer, p.window, op_), op_); !created)
      return created;
    std::size_t workspace = 0;
    std::size_t alignment = 0;
    const xnn_status status = xnn_reshape_average_pooling2d_nhwc_f32(
        op_.get(), p.input.batch, p.input.height, p.input.width, p.input.channels, p.input.stride,
        p.output.stride, &workspace, &alignment, nullptr, nullptr, &threads_);
    if (Status shaped = check(status, "reshape an operator"); !shaped) return shaped;
    if (workspace > average_workspace(args.layer, args.threads))
      return check(xnn_status_reallocation_required, "bind");
    return {};
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    return check(
        xnn_setup_average_pooling2d_nhwc_f32(op_.get(), workspace, static_cast<const float*>(inputs[input_]),
                                             static_cast<float*>(outputs[0])),
        "set up an operator");
  }

 private:
  std::size_t input_;
};

template <typename Bound>
Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound> bound(new (std::nothrow) Bound(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

}  // namespace

constinit const Kernel kMaxPool = {
    .name = "max_pool.indirect.f32.xnnpack",
    .revision = 1,
    .pattern = kMaxPattern,
    .isa = kRequiredIsa,
    .type = DataType::f32,
    .layouts = kNhwcOnly,
    .input_striding = Striding::pixels,
    .output_striding = Striding::pixels,
    .overread_bytes = kOverreadBytes,
    .threaded = true,
    .supports = supports_max,
    .workspace_bytes = nullptr,
    .packed_bytes = nullptr,
    .pack = nullptr,
    .bind = bind<BoundMax>,
};

constinit const Kernel kAveragePool = {
    .name = "average_pool.indirect.f32.xnnpack",
    .revision = 1,
    .pattern = kAveragePattern,
    .isa = kRequiredIsa,
    .type = DataType::f32,
    .layouts = kNhwcOnly,
    .input_striding = Striding::pixels,
    .output_striding = Striding::pixels,
    .overread_bytes = kOverreadBytes,
    .threaded = true,
    .supports = supports_average,
    .workspace_bytes = average_workspace,
    .packed_bytes = nullptr,
    .pack = nullptr,
    .bind = bind<BoundAverage>,
};

}  // namespace fettle::kernels::xnnpack

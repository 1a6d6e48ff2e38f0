// SPDX-License-Identifier: Apache-2.0
//
// Bilinear resizing of pictures. XNNPACK derives the scale from the extents, so a layer whose scales are
// something else is refused. It has no nearest-neighbour resizing.
#include "kernels/xnnpack/convolution.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/rows.h"

#include <new>
#include <string_view>

namespace fettle::kernels::xnnpack {
namespace {

constexpr Op kPattern[] = {Op::resize};

struct Resize {
  Pixels input;
  Pixels output;
  std::uint32_t flags = 0;  // 0: half-pixel centres
};

bool scale_is_ratio(std::span<const float> scales, std::size_t axis, std::size_t in,
                    std::size_t out) noexcept {
  return scales.empty() || scales[axis] == static_cast<float>(out) / static_cast<float>(in);
}

Refusal read_coordinates(const Attributes& attributes, int rank, Resize& r) {
  const std::string_view mode = attributes.string("coordinate_transformation_mode", "half_pixel");
  const std::span<const float> scales = attributes.reals("scales");
  if (!scales.empty() && scales.size() != static_cast<std::size_t>(rank)) return Refusal::attribute;
  if (mode == "align_corners") {
    r.flags = XNN_FLAG_ALIGN_CORNERS;
    return Refusal::none;
  }
  if (mode == "asymmetric") {
    r.flags = XNN_FLAG_TENSORFLOW_LEGACY_MODE;
  } else if (mode == "pytorch_half_pixel") {
    if (r.output.height == 1 || r.output.width == 1) return Refusal::attribute;
  } else if (mode != "half_pixel") {
    return Refusal::attribute;
  }
  const auto last = static_cast<std::size_t>(rank - 1);
  if (!scale_is_ratio(scales, last, r.input.width, r.output.width)) return Refusal::attribute;
  if (rank == 4 && !scale_is_ratio(scales, 2, r.input.height, r.output.height)) return Refusal::attribute;
  return Refusal::none;
}

Refusal read(const LayerDesc& layer, Resize& r) {
  if (Refusal no = check_pattern(layer, Op::resize, 1); no != Refusal::none) return no;
  const TensorDesc& x = *layer.operand(0);
  if (x.constant) return Refusal::constant;
  if (Refusal no = read_pixels(x, r.input); no != Refusal::none) return no;
  if (Refusal no = read_pixels(layer.outputs[0], r.output); no != Refusal::none) return no;
  if (x.shape.rank() != 4 || layer.outputs[0].shape.rank() != 4) return Refusal::rank;
  const Attributes& attributes = layer.main().attributes;
  if (attributes.string("mode", "nearest") != "linear" || attributes.integer("exclude_outside", 0) != 0) {
    return Refusal::attribute;
  }
  if (r.input.batch != r.output.batch || r.input.channels != r.output.channels) return Refusal::shape;
  // XNNPACK refuses 2^24 itself.
  for (const std::size_t extent : {r.input.height, r.input.width, r.output.height, r.output.width}) {
    if (extent >= static_cast<std::size_t>(kMaxExtent)) return Refusal::too_large;
  }
  if (!fits_memory(
          {static_cast<std::int64_t>(r.output.height), static_cast<std::int64_t>(r.output.width), 6})) {
    return Refusal::too_large;
  }
  if (Refusal no = read_coordinates(attributes, 4, r); no != Refusal::none) return no;
  // The clamp runs over the output as a whole.
  if (layer.main().clamp && r.output.stride != r.output.channels) return Refusal::clamp;
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

Refusal supports(const LayerDesc& layer, const Cpu&) {
  Resize r;
  return read(layer, r);
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept : BoundOperator(args), input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Resize r;
    if (read(args.layer, r) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    const xnn_status status =
        xnn_create_resize_bilinear2d_nhwc_f32(r.output.height, r.output.width, r.flags, op_.out());
    if (Status created = check_created(status, op_); !created) return created;
    std::size_t workspace = 0;
    std::size_t alignment = 0;
    const xnn_status shaped = xnn_reshape_resize_bilinear2d_nhwc_f32(
        op_.get(), r.input.batch, r.input.height, r.input.width, r.input.channels, r.input.stride,
        r.output.stride, &workspace, &alignment, &threads_);
    if (Status done = check(shaped, "reshape an operator"); !done) return done;
    add_clamp(args.layer, r.output.batch * r.output.height * r.output.width * r.output.channels);
    return {};
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    return check(xnn_setup_resize_bilinear2d_nhwc_f32(
                     op_.get(), nullptr, static_cast<const float*>(inputs[input_]), set_output(outputs[0])),
                 "set up an operator");
  }

 private:
  std::size_t input_;
};

Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound> bound(new (std::nothrow) Bound(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

}  // namespace

constinit const Kernel kResizeBilinear = {
    .name = "resize.bilinear.f32.xnnpack",
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
    .workspace_bytes = nullptr,
    .packed_bytes = nullptr,
    .pack = nullptr,
    .bind = bind,
};

}  // namespace fettle::kernels::xnnpack

// SPDX-License-Identifier: Apache-2.0
//
// Bilinear resizing of pictures. XNNPACK derives the scale from the extents, so a layer whose scales are
// something else is refused. It has no nearest-neighbour resizing.
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/operation.h"

#include <string_view>

namespace fettle::kernels::xnnpack {
namespace {

struct Resize : Operation {
  Refusal read(const LayerDesc& layer);
  xnn_status create(const LayerDesc&, Operator& op) const noexcept {
    return xnn_create_resize_bilinear2d_nhwc_f32(output.height, output.width, flags, op.out());
  }
  xnn_status reshape(xnn_operator_t op, std::size_t& workspace, pthreadpool_t threads) const noexcept {
    std::size_t alignment = 0;
    return xnn_reshape_resize_bilinear2d_nhwc_f32(op, input.batch, input.height, input.width, input.channels,
                                                  input.stride, output.stride, &workspace, &alignment,
                                                  threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return set_up_with(xnn_setup_resize_bilinear2d_nhwc_f32, op, at);
  }
  std::size_t unclamped() const noexcept {
    return output.batch * output.height * output.width * output.channels;
  }

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

Refusal Resize::read(const LayerDesc& layer) {
  const TensorDesc& x = *layer.operand(0);
  if (x.constant) return Refusal::constant;
  if (Refusal no = read_pixels(x, input); no != Refusal::none) return no;
  if (Refusal no = read_pixels(layer.outputs[0], output); no != Refusal::none) return no;
  if (x.shape.rank() != 4 || layer.outputs[0].shape.rank() != 4) return Refusal::rank;
  const Attributes& attributes = layer.main().attributes;
  if (attributes.string("mode", "nearest") != "linear" || attributes.integer("exclude_outside", 0) != 0 ||
      attributes.integer("antialias", 0) != 0) {
    return Refusal::attribute;
  }
  if (input.batch != output.batch || input.channels != output.channels) return Refusal::shape;
  // XNNPACK refuses 2^24 itself.
  for (const std::size_t extent : {input.height, input.width, output.height, output.width}) {
    if (extent >= static_cast<std::size_t>(kMaxExtent)) return Refusal::too_large;
  }
  if (!fits_memory({static_cast<std::int64_t>(output.height), static_cast<std::int64_t>(output.width), 6})) {
    return Refusal::too_large;
  }
  if (Refusal no = read_coordinates(attributes, 4, *this); no != Refusal::none) return no;
  // The clamp runs over the output as a whole.
  if (layer.main().clamp && output.stride != output.channels) return Refusal::clamp;
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

}  // namespace

// Between two pixels of the same infinity it finds NaN, because it adds a part of their difference. A pixel
// that a position touches by rounding alone may be passed over.
constinit const Kernel kResizeBilinear = with_nonfinite(
    NonFinite::spreads_in_tile, picture_entry<Resize, Op::resize>("resize.bilinear.f32.xnnpack"));

}  // namespace fettle::kernels::xnnpack

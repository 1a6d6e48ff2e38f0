// SPDX-License-Identifier: Apache-2.0
//
// 8-bit pictures (nhwc) to f32 in either layout, with mean and scale applied on the way: the one pass that a
// picture needs before the first layer.
#include "kernels/portable/portable.h"

namespace fettle::kernels::portable {
namespace {

void picture(const Call& call) {
  const Shape& shape = call.layer.outputs.front().shape;
  const std::int64_t channels = shape[1];
  const std::int64_t pixels = shape.elements() / channels / shape[0];
  const bool nhwc = call.layer.outputs.front().format.layout == Layout::nhwc;
  const auto scale = call.attributes().reals("scale");
  const auto shift = call.attributes().reals("shift");
  const bool swap = call.attributes().integer("swap") != 0;
  const std::int64_t pixel_stride = nhwc ? channels : 1;
  const std::int64_t channel_stride = nhwc ? 1 : pixels;
  const auto* x = call.in<std::uint8_t>(0);
  float* y = call.out();
  // Pictures and their channels are independent; rows of pixels share the work among threads.
  constexpr std::int64_t kBlock = 1024;
  const std::int64_t blocks = (pixels + kBlock - 1) / kBlock;
  call.parallel(shape[0] * blocks, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % blocks * kBlock;
      const std::int64_t last = std::min(pixels, first + kBlock);
      const std::int64_t image = i / blocks * channels * pixels;
      for (std::int64_t c = 0; c < channels; ++c) {
        const float a = scale[static_cast<std::size_t>(c)];
        const float b = shift[static_cast<std::size_t>(c)];
        const std::uint8_t* from = x + image + (swap ? 2 - c : c);
        float* to = y + image + c * channel_stride;
        for (std::int64_t p = first; p < last; ++p)
          to[p * pixel_stride] = static_cast<float>(from[p * channels]) * a + b;
      }
    }
  });
}

Refusal supports_picture(const LayerDesc& layer, const Cpu&) {
  const TensorDesc& x = layer.inputs.front();
  const TensorDesc& y = layer.outputs.front();
  if (x.format.type != DataType::u8 || y.format.type != DataType::f32) return Refusal::data_type;
  if (x.format.layout != Layout::nhwc || y.format.layout == Layout::nchwc) return Refusal::layout;
  if (x.shape.rank() != 4 || !(x.shape == y.shape) || x.shape.elements() == 0) return Refusal::shape;
  const auto channels = static_cast<std::size_t>(x.shape[1]);
  const Attributes& attributes = layer.main().attributes;
  if (attributes.reals("scale").size() != channels || attributes.reals("shift").size() != channels)
    return Refusal::attribute;
  return attributes.integer("swap") != 0 && channels != 3 ? Refusal::attribute : Refusal::none;
}

constexpr Op kPictureOp[] = {Op::convert};
constexpr FormatTag kStored{Layout::nhwc, DataType::u8};
constexpr Signature kSignatures[] = {{kStored, {Layout::nhwc, kF32}, DataType::u8},
                                     {kStored, {Layout::nchw, kF32}, DataType::u8}};
constexpr Kernel kPicture =
    entry<picture>("convert.picture.f32.portable", kPictureOp, kSignatures, supports_picture);
constexpr const Kernel* kPictureEntries[] = {kept(kPicture)};

}  // namespace

std::span<const Kernel* const> picture_entries() noexcept { return kPictureEntries; }

}  // namespace fettle::kernels::portable

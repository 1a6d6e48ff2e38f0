// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/makers.h"

namespace fettle::fuzz {
namespace {

Made between_pixels(ByteSource& bytes, Op op) {
  const Shape picture = pictures(bytes, 2, extent(bytes, 3, 20));
  constexpr const char* kModes[] = {"linear", "nearest", "cubic"};
  constexpr const char* kPaddings[] = {"zeros", "border", "reflection"};
  Attributes a = with("mode", word(bytes, kModes));
  a.set("padding_mode", word(bytes, kPaddings));
  a.set("align_corners", bytes.number(0, 1));
  const double reach = bytes.once_in(8) ? 1e6 : 1.5;
  const Shape grid{picture[0], bytes.number(1, 5), extent(bytes, 5, 20), 2};
  if (bytes.once_in(4)) {
    const Shape volume{picture[0], 2, bytes.number(1, 3), picture[2], picture[3]};
    return make_layer(op, std::move(a), {input(volume), input({picture[0], 2, 3, 2, 3}, -reach, reach)});
  }
  return make_layer(op, std::move(a), {input(picture), input(grid, -reach, reach)});
}

Made regions(ByteSource& bytes, Op op) {
  const Shape picture = pictures(bytes, 2, extent(bytes, 3, 20));
  Attributes a = with("output_height", bytes.number(1, 4));
  a.set("output_width", bytes.number(1, 4));
  a.set("sampling_ratio", bytes.number(0, 3));
  a.set("mode", std::string(bytes.once_in(2) ? "avg" : "max"));
  a.set("coordinate_transformation_mode", std::string(bytes.once_in(2) ? "half_pixel" : "output_half_pixel"));
  constexpr float kScales[] = {1, 0.25f, -1, 1e9f};
  if (bytes.once_in(4)) a.set("spatial_scale", bytes.one_of(kScales));
  const std::int64_t count = bytes.number(1, 3);
  return make_layer(op, std::move(a),
                    {input(picture), input({count, 4}, -2, 12), typed({count}, DataType::s64, -1, 2)});
}

Made cropped(ByteSource& bytes, Op op) {
  const Shape picture = pictures(bytes, 2, extent(bytes, 3, 9));
  constexpr const char* kModes[] = {"nearest", "linear", "cubic"};
  Attributes a = with("coordinate_transformation_mode", std::string("tf_crop_and_resize"));
  a.set("mode", word(bytes, kModes));
  a.set("extrapolation_value", 5.0f);
  a.set("exclude_outside", bytes.number(0, 1));
  const Operand none{Shape{0}, true, DataType::f32};
  return make_layer(op, std::move(a),
                    {input(picture), input({8}, -0.2, 1.2), none,
                     parameter({picture[0], picture[1], bytes.number(1, 9), bytes.number(1, 9)})});
}

// Back from the places that a pool has found; those beyond the result are left out.
Made unpooled(ByteSource& bytes, Op op) {
  const Shape picture = pictures(bytes, 2, extent(bytes, 3, 9));
  Attributes a = with("kernel_shape", Integers{2, 2});
  a.set("strides", Integers{bytes.number(1, 2), bytes.number(1, 2)});
  const double beyond = bytes.once_in(8) ? 9 : 0;
  const auto most = static_cast<double>(picture.elements() - 1);
  std::vector<Operand> operands{input(picture), typed(picture, DataType::s64, -beyond, most + beyond)};
  if (bytes.once_in(3))
    operands.push_back(parameter({picture[0], picture[1], 2 * picture[2] + 2, 2 * picture[3] + 2}));
  return make_layer(op, std::move(a), operands);
}

// The grid of an affine map, of images or volumes.
Made mapped(ByteSource& bytes, Op op) {
  const std::int64_t axes = bytes.number(2, 3);
  Integers size{bytes.number(1, 2), 1};
  while (static_cast<std::int64_t>(size.size()) < axes + 2) size.push_back(bytes.number(1, 5));
  const Shape maps{size[0], axes, axes + 1};
  return make_layer(op, with("align_corners", bytes.number(0, 1)), {input(maps), parameter(size)});
}

}  // namespace

std::span<const LayerMaker> sampling_layers() {
  static constexpr LayerMaker kMakers[] = {{Op::grid_sample, between_pixels},
                                           {Op::affine_grid, mapped},
                                           {Op::roi_align, regions},
                                           {Op::resize, cropped},
                                           {Op::max_unpool, unpooled}};
  return kMakers;
}

}  // namespace fettle::fuzz

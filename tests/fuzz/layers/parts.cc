// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/layers/parts.h"

namespace fettle::fuzz {

std::int64_t extent(ByteSource& bytes, std::int64_t small, std::int64_t large) {
  return bytes.once_in(4) ? bytes.number(1, large) : bytes.number(1, small);
}

Shape any_shape(ByteSource& bytes, int least, int most) {
  Shape shape;
  for (auto rank = bytes.number(least, most); rank > 0; --rank) shape.push_back(extent(bytes, 5, 35));
  return shape;
}

Shape narrowed(ByteSource& bytes, const Shape& shape) {
  Shape result;
  for (auto axis = static_cast<int>(bytes.number(0, shape.rank())); axis < shape.rank(); ++axis)
    result.push_back(bytes.once_in(3) ? 1 : shape[axis]);
  return result;
}

std::optional<Clamp> any_clamp(ByteSource& bytes) {
  constexpr Clamp kClamps[] = {{0, kInfinity}, {0, 6}, {-0.5f, 0.25f}, {-kInfinity, 0}, {0.125f, 0.125f}};
  return bytes.once_in(2) ? std::optional<Clamp>(bytes.one_of(kClamps)) : std::nullopt;
}

Shape pictures(ByteSource& bytes, std::size_t axes, std::int64_t channels) {
  Shape shape{bytes.once_in(4) ? 2 : 1, channels};
  for (std::size_t i = 0; i < axes; ++i) shape.push_back(extent(bytes, 6, 20));
  return shape;
}

Attributes window(ByteSource& bytes, std::size_t axes, std::int64_t kernel_most, Integers& kernel) {
  Attributes a;
  Integers strides;
  Integers dilations;
  Integers pads;
  for (std::size_t i = 0; i < axes; ++i) {
    kernel.push_back(bytes.number(1, kernel_most));
    strides.push_back(bytes.number(1, 3));
    dilations.push_back(bytes.once_in(4) ? bytes.number(1, 3) : 1);
  }
  for (std::size_t i = 0; i < 2 * axes; ++i) pads.push_back(bytes.number(0, kernel_most));
  a.set("kernel_shape", kernel);
  a.set("strides", std::move(strides));
  a.set("dilations", std::move(dilations));
  constexpr const char* kAutomatic[] = {"SAME_UPPER", "SAME_LOWER", "VALID"};
  if (bytes.once_in(4))
    a.set("auto_pad", std::string(bytes.one_of(kAutomatic)));
  else
    a.set("pads", std::move(pads));
  return a;
}

}  // namespace fettle::fuzz

// SPDX-License-Identifier: Apache-2.0
//
// Whether two layers are the same in all that a layer's text shows, numbers to the bit. Says so without the
// text.
#pragma once

#include <fettle/kernel.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <variant>
#include <vector>

namespace fettle::test {

inline bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

inline bool same_value(const AttributeValue& a, const AttributeValue& b) {
  return a.index() == b.index() &&
         std::visit(
             [&](const auto& left) {
               using Type = std::decay_t<decltype(left)>;
               const Type& right = std::get<Type>(b);
               if constexpr (std::is_same_v<Type, float>)
                 return same_bits(left, right);
               else if constexpr (std::is_same_v<Type, std::vector<float>>)
                 return std::equal(left.begin(), left.end(), right.begin(), right.end(), same_bits);
               else
                 return left == right;
             },
             a);
}

inline bool same_part(const LayerPart& a, const LayerPart& b) {
  const auto entries = a.attributes.entries();
  const auto others = b.attributes.entries();
  const auto same_entry = [](const Attributes::Entry& x, const Attributes::Entry& y) {
    return x.first == y.first && same_value(x.second, y.second);
  };
  const bool same_clamp =
      a.clamp.has_value() == b.clamp.has_value() &&
      (!a.clamp || (same_bits(a.clamp->low, b.clamp->low) && same_bits(a.clamp->high, b.clamp->high)));
  return a.op == b.op && same_clamp && a.operands == b.operands &&
         std::equal(entries.begin(), entries.end(), others.begin(), others.end(), same_entry);
}

inline bool same_tensor(const TensorDesc& a, const TensorDesc& b) {
  const bool same_format = a.format.layout == b.format.layout && a.format.type == b.format.type &&
                           a.format.block == b.format.block && same_bits(a.format.scale, b.format.scale) &&
                           a.format.zero_point == b.format.zero_point;
  if (!same_format || !(a.shape == b.shape) || a.constant != b.constant || a.dense() != b.dense())
    return false;
  const auto rank = static_cast<std::ptrdiff_t>(a.shape.rank());
  return a.dense() || std::equal(a.strides.begin(), a.strides.begin() + rank, b.strides.begin());
}

inline bool same_layer(const LayerDesc& a, const LayerDesc& b) {
  const auto same = [](const std::vector<TensorDesc>& x, const std::vector<TensorDesc>& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), same_tensor);
  };
  return std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(), same_part) &&
         same(a.inputs, b.inputs) && same(a.outputs, b.outputs) && same(a.inner, b.inner);
}

}  // namespace fettle::test

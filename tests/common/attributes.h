// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fettle/op.h>

#include <string_view>
#include <utility>

namespace fettle::test {

/// Attributes that hold this one.
inline Attributes with(std::string_view name, AttributeValue value) {
  Attributes attributes;
  attributes.set(name, std::move(value));
  return attributes;
}

}  // namespace fettle::test

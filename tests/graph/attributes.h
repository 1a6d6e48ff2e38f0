// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "lib/graph/graph.h"

#include <string_view>
#include <utility>

namespace fettle::graph {

/// Attributes of one name.
inline Attributes with(std::string_view name, AttributeValue value) {
  Attributes attributes;
  attributes.set(name, std::move(value));
  return attributes;
}

}  // namespace fettle::graph

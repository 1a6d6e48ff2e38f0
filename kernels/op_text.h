// SPDX-License-Identifier: Apache-2.0
//
// to_string(Op) as a constant expression, for names that are put together by the compiler.
#pragma once

#include <fettle/op.h>

#include <cstddef>
#include <string_view>

namespace fettle::kernels {

constexpr std::string_view op_text(Op op) {
  constexpr std::string_view kNames[] = {
#define FETTLE_X(name, onnx) #name,
      FETTLE_OPERATORS(FETTLE_X)
#undef FETTLE_X
  };
  return kNames[static_cast<std::size_t>(op)];
}

}  // namespace fettle::kernels

// SPDX-License-Identifier: Apache-2.0
//
// The instruction sets of x86 as entries see them (InstructionSet in kernels/common/entry.h).
#pragma once

#include "kernels/common/entry_name.h"
#include "kernels/x86/loops.h"

#include <fettle/types.h>

namespace fettle::kernels {

struct Avx2 {
  static constexpr Text kName{"avx2"};
  static constexpr Isa kIsa = Isa::avx2 | Isa::fma3;
  static constexpr const UnarySet& kFunctions = kUnaryAvx2;
};

/// With conversions from and to f16.
struct Avx2F16c : Avx2 {
  static constexpr Isa kIsa = Avx2::kIsa | Isa::f16c;
};

struct Avx512 {
  static constexpr Text kName{"avx512"};
  static constexpr Isa kIsa = Avx2::kIsa | Isa::avx512f;
  static constexpr const UnarySet& kFunctions = kUnaryAvx512;
};

/// With products of bytes.
struct Avx512Vnni {
  static constexpr Text kName{"avx512vnni"};
  static constexpr Isa kIsa = Avx512::kIsa | Isa::avx512bw | Isa::avx512vnni;
};

}  // namespace fettle::kernels

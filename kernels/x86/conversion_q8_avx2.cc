// SPDX-License-Identifier: Apache-2.0
//
// Conversions of bytes for AVX2.
#include "kernels/common/q8/conversion_loop.h"
#include "kernels/x86/loops.h"

namespace fettle::kernels {
namespace {

struct ConversionAvx2 {};

}  // namespace

constinit const ConvertQ8Set kConvertQ8Avx2 = kConvertQ8Of<ConversionAvx2>;

}  // namespace fettle::kernels

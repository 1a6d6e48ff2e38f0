// SPDX-License-Identifier: Apache-2.0
//
// Conversions of bytes for AVX-512 (F and BW).
#include "kernels/common/q8/conversion_loop.h"
#include "kernels/x86/loops.h"

namespace fettle::kernels {
namespace {

struct ConversionAvx512 {};

}  // namespace

constinit const ConvertQ8Set kConvertQ8Avx512 = kConvertQ8Of<ConversionAvx512>;

}  // namespace fettle::kernels

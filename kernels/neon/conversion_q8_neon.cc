// SPDX-License-Identifier: Apache-2.0
//
// Conversions of bytes for NEON.
#include "kernels/common/q8/conversion_loop.h"
#include "kernels/neon/loops.h"

namespace fettle::kernels {
namespace {

struct ConversionNeon {};

}  // namespace

constinit const ConvertQ8Set kConvertQ8Neon = kConvertQ8Of<ConversionNeon>;

}  // namespace fettle::kernels

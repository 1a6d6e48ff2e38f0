// SPDX-License-Identifier: Apache-2.0
//
// Stands in for the compiler's header of this name where the processor is no Arm.
#pragma once

// MMX shares its registers with long double's arithmetic, which gives NaN after it.
#define SIMDE_X86_MMX_NO_NATIVE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/arm/neon.h>

// SIMDe multiplies, where the instruction takes zero times infinity for zero.
static inline float32x4_t fettle_vrecpsq_f32(float32x4_t a, float32x4_t b) {
  const float32x4_t product = vmulq_f32(a, b);
  const uint32x4_t operands = vandq_u32(vceqq_f32(a, a), vceqq_f32(b, b));
  const uint32x4_t undefined = vbicq_u32(operands, vceqq_f32(product, product));
  return vsubq_f32(vdupq_n_f32(2), vbslq_f32(undefined, vdupq_n_f32(0), product));
}
#undef vrecpsq_f32
#define vrecpsq_f32(a, b) fettle_vrecpsq_f32((a), (b))

// SPDX-License-Identifier: Apache-2.0
//
// Squares of 4 x 4.
#include "kernels/common/convert_loop.h"
#include "kernels/neon/loops.h"
#include "kernels/neon/simd_neon.h"

namespace fettle::kernels {
namespace {

struct Square : Neon {
  static void turn(Vector (&rows)[kLanes]) noexcept {
    const float32x4x2_t first = vtrnq_f32(rows[0], rows[1]);
    const float32x4x2_t second = vtrnq_f32(rows[2], rows[3]);
    rows[0] = vcombine_f32(vget_low_f32(first.val[0]), vget_low_f32(second.val[0]));
    rows[1] = vcombine_f32(vget_low_f32(first.val[1]), vget_low_f32(second.val[1]));
    rows[2] = vcombine_f32(vget_high_f32(first.val[0]), vget_high_f32(second.val[0]));
    rows[3] = vcombine_f32(vget_high_f32(first.val[1]), vget_high_f32(second.val[1]));
  }
};

}  // namespace

constinit const ConvertSet kConvertNeon = {.lanes = Neon::kLanes,
                                           .from_planes = from_planes<Square>,
                                           .to_planes = to_planes<Square>,
                                           .regroup = regroup<Square>};

}  // namespace fettle::kernels

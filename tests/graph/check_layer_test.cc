// SPDX-License-Identifier: Apache-2.0
//
// Layers that no model stands behind: which are refused, and why.
#include "tests/common/check.h"

#include <fettle/kernel.h>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>

namespace fettle::test {

TEST_CASE("layers that break the rules of their operators are told", "[graph]") {
  struct Case {
    std::string_view text;
    std::string_view reason;  // empty: nothing is wrong
  };
  constexpr Case kCases[] = {
      {"abs : f32 2 -> f32 2", ""},
      {"abs : f32 2 -> f32 3", "part 0, abs: result 0 must be f32 2"},
      {"abs : f32 2 -> u8 2", "result 0 must be f32 2"},
      {"abs : -> f32 2", "it needs 1 operands"},
      {"abs (-) : f32 2 -> f32 2", "it needs 1 operands"},
      {"abs : f32 2147483649 -> f32 2147483649", "larger than the limits allow"},
      {"relu : f32 2 -> f32 2", "layers have it as clamp max=inf min=0.0"},
      {"branch : boolean scalar -> f32 2", "the operator makes no layers"},
      {"softmax axis=1 : f32 2x3 -> f32 2x3", ""},
      {"softmax axis=2 : f32 2x3 -> f32 2x3", "axis 2 is outside a tensor of rank 2"},
      {"softmax axis=-1 : f32 2x3 -> f32 2x3", "layers have it as softmax axis=1"},
      {"add : f32 2x3, f32 3 -> f32 2x3", ""},
      {"add : f32 2x3, f32 2 -> f32 2x3", "cannot be broadcast"},
      {"add (0 - 1) : f32 3, f32 3 -> f32 3", "two inputs are needed"},
      {"gather axis=0 : f32 2x3, s64 const 4 -> f32 4x3", ""},
      {"conv dilations=[1,1] group=1 kernel_shape=[1,1] pads=[0,0,0,0] strides=[1,1] : f32 nchw 1x3x4x4, f32 "
       "const "
       "8x3x1x1 -> f32 nhwc 1x8x4x4",
       ""},
      {"conv dilations=[1,1] group=1 kernel_shape=[1,1] pads=[0,0,0,0] strides=[0,1] : f32 nchw 1x3x4x4, f32 "
       "const "
       "8x3x1x1 -> f32 nchw 1x8x4x4",
       "strides"},
      {"conv dilations=[1,1] group=1 kernel_shape=[1,1] pads=[0,0,0,0] strides=[1,1] : f32 nchw 1x3x4x4, f32 "
       "const "
       "8x4x1x1 -> f32 nchw 1x8x4x4",
       "the weight's channels do not fit"},
      {"conv : f32 nchw 1x3x4x4, f32 const 8x3x1x1 -> f32 nchw 1x8x4x4",
       "layers have it as conv dilations=[1,1]"},
      // Places of queries and keys do not overflow.
      {"attention is_causal=0 left_window_size=-1 offset=0 qk_matmul_output_mode=0 "
       "right_window_size=1099511627776 scale=1.0 softcap=0.0 : f32 nchw 1x1x2x3, f32 nchw 1x1x2x3, f32 nchw "
       "1x1x2x3 -> f32 nchw 1x1x2x3",
       ""},
      {"attention is_causal=0 left_window_size=-1 offset=0 qk_matmul_output_mode=0 "
       "right_window_size=9223372036854775807 scale=1.0 softcap=0.0 : f32 nchw 1x1x2x3, f32 nchw 1x1x2x3, "
       "f32 nchw 1x1x2x3 -> f32 nchw 1x1x2x3",
       "out of range"},
      {"attention is_causal=0 left_window_size=-1 offset=9223372036854775807 qk_matmul_output_mode=0 "
       "right_window_size=-1 scale=1.0 softcap=0.0 : f32 nchw 1x1x2x3, f32 nchw 1x1x2x3, f32 nchw 1x1x2x3 -> "
       "f32 nchw 1x1x2x3",
       "out of range"},
      // Regions: every part for itself.
      {"abs (0) + add (r0 1) : f32 2, f32 2 -> f32 2 via f32 2", ""},
      {"abs (0) + add (r0 1) : f32 2, f32 3 -> f32 3 via f32 2", "part 1, add: shapes 2 and 3"},
      {"abs (0) + add (r0 1) : f32 2, f32 1 -> f32 3 via f32 3", "part 0, abs: result 0 must be f32 2"},
      // Numbers that are stored.
      {"add : u8 scale=0.5 zero=1 2, u8 scale=1 zero=0 2 -> u8 scale=1 zero=0 2", ""},
      {"add : u8 scale=-1 zero=1 2, u8 scale=1 zero=0 2 -> u8 scale=1 zero=0 2",
       "a scale is not a positive number"},
      {"sub : u8 scale=1 zero=1 2, u8 scale=1 zero=0 2 -> u8 scale=1 zero=0 2",
       "does not compute with quantised"},
      {"matmul (0 1 2) : u8 scale=1 zero=0 2x3, u8 const scale=1 zero=0 3x4, s32 const 4 -> u8 scale=1 "
       "zero=0 2x4",
       ""},
      {"matmul (0 1 2) : u8 scale=1 zero=0 2x3, u8 const scale=1 zero=0 3x4, s32 const 5 -> u8 scale=1 "
       "zero=0 2x4",
       "the bias needs a number"},
      {"convert : u8 scale=1 zero=0 2 -> u8 scale=2 zero=0 3", "one result of the same shape"},
      {"dequantize_linear scale=[0.5] zero_point=[0] : u8 2 -> f32 2", ""},
      {"dequantize_linear axis=0 scale=[0.5,1.0,2.0] zero_point=[0,0,0] : u8 2 -> f32 2",
       "it needs one scale, or one"},
      {"dequantize_linear scale=[0.5] zero_point=[] : u8 2 -> f32 2", "each scale needs a zero point"},
      // What inference has put in the place of operands.
      {"einsum labels=[0,1,-1,1,2,-1,0,2] : f32 2x3, f32 3x4 -> f32 2x4", ""},
      {"einsum labels=[0,1,-1,1,2,-1] : f32 2x3, f32 3x4 -> f32 scalar", ""},
      {"einsum labels=[0,1,-1,1,2,-1,0,113] : f32 <=2x3, f32 3x4 -> f32 2x4", "do not fit"},
      {"einsum labels=[0,9,-1,9,2,-1,0,2] : f32 2x3, f32 3x4 -> f32 2x4", "labels are not those of its axes"},
      {"einsum labels=[0,1,-1,1,2,-1,0,0] : f32 2x3, f32 3x4 -> f32 2x2", "the result's labels are not"},
      {"einsum labels=[0,1,-1,1,2,-1,0,2] : f32 2x3, f32 5x4 -> f32 2x4", "stands for different extents"},
      {"einsum labels=[0,1,2,-1,0,2] : f32 2x3, f32 3x4 -> f32 2x4", "do not end with -1"},
      {"einsum labels=[0,1,-1,1,2,-1,0,2,1] : f32 2x3, f32 3x4 -> f32 2x4", "more labels than axes"},
      {"expand : f32 1x3 -> f32 nchw 2x2x3", ""},
      {"expand : f32 1x0 -> f32 2x3", "cannot be expanded"},
      {"expand : f32 2x2 -> f32 2x1", "cannot be expanded"},
      {"expand : f32 1x3 -> u8 2x3", "another type than the operand"},
      // Formats.
      {"convert : f32 nchw 1x8x2x2 -> f32 nchwc 8 1x8x2x2", ""},
      {"convert : f32 nchw 1x8x2x2 -> f32 nhwc 1x8x2x3", "one result of the same shape"},
      {"convert scale=[1.0] shift=[0.0] : u8 nhwc 1x3x2x2 -> f32 nchw 1x3x2x2", "a number for each channel"},
  };
  for (const Case& c : kCases) {
    INFO(c.text);
    const LayerDesc layer = value_of(LayerDesc::parse(c.text));
    const Status status = layer.check();
    if (c.reason.empty())
      succeeds(status);
    else
      error_of(status, ErrorCode::kModelInvalid, c.reason);
  }
}

TEST_CASE("the multiply-accumulates of a region are those of its parts", "[graph]") {
  const LayerDesc region =
      value_of(LayerDesc::parse("matmul (0 1) + abs (r0) + matmul (r1 2) : f32 2x3, f32 const 3x4, f32 const "
                                "4x5 -> f32 2x5 via f32 2x4, f32 2x4"));
  succeeds(region.check());
  CHECK(region.macs() == 2 * 3 * 4 + 2 * 4 * 5);
}

}  // namespace fettle::test

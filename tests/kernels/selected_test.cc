// SPDX-License-Identifier: Apache-2.0
//
// Builds with selected kernels: which epilogues an entry keeps. Constant expressions only, of a selection of
// this test's own.
#include "kernels/common/epilogues.h"
#include "kernels/selection.h"

#include <catch2/catch_test_macros.hpp>

#include <string_view>

namespace fettle::kernels {
namespace {

constexpr std::string_view kIndirect = "conv.indirect.f32.avx512";
constexpr std::string_view kDirect = "conv.direct.f32.avx2";
constexpr std::string_view kGemm = "conv.gemm.f32.portable";

}  // namespace

TEST_CASE("a kernel is there if it is selected with any epilogue or none", "[kernels]") {
  STATIC_CHECK(is_selected(kIndirect));
  STATIC_CHECK(is_selected(kDirect));
  STATIC_CHECK(is_selected(kGemm));
  STATIC_CHECK_FALSE(is_selected("conv.indirect.f32.avx"));
  STATIC_CHECK_FALSE(is_selected("conv.indirect.f32"));
  STATIC_CHECK_FALSE(is_selected("conv.indirect.f32.avx512_other"));
  STATIC_CHECK_FALSE(is_selected("conv.direct.f32.avx512"));
}

TEST_CASE("an entry keeps the epilogues that it is selected with", "[kernels]") {
  STATIC_CHECK(is_selected(kIndirect, kPatternOf<Op::hard_swish>));
  STATIC_CHECK(is_selected(kIndirect, kPatternOf<Op::add>));
  STATIC_CHECK_FALSE(is_selected(kIndirect, kPatternOf<Op::swish>));
  STATIC_CHECK_FALSE(is_selected(kIndirect, kPatternOf<Op::add, Op::hard_swish>));
  STATIC_CHECK_FALSE(is_selected(kDirect, kPatternOf<Op::add>));
  STATIC_CHECK(is_selected(kGemm, kPatternOf<Op::add, Op::tanh>));
  STATIC_CHECK_FALSE(is_selected(kGemm, kPatternOf<Op::add>));

  STATIC_CHECK(kSelectedEpilogues<kIndirect, kResidualOrActivation>.size() == 2);
  STATIC_CHECK(kSelectedEpilogues<kIndirect, kResidualOrActivation>[0].front() == Op::add);
  STATIC_CHECK(kSelectedEpilogues<kIndirect, kResidualOrActivation>[1].front() == Op::hard_swish);
  STATIC_CHECK(kSelectedEpilogues<kIndirect, kResidual>.size() == 1);
  STATIC_CHECK(kSelectedEpilogues<kDirect, kResidualOrActivation>.empty());
}

}  // namespace fettle::kernels

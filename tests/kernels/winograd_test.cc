// SPDX-License-Identifier: Apache-2.0
//
// How large the rounding errors of Winograd's transforms are, beside those of a plain sum of products.
#include "lib/compile/kernel_table.h"
#include "tests/kernels/layers.h"
#include "tests/kernels/variant.h"

#include <fettle/cpu.h>

#include <catch2/catch_test_macros.hpp>

#include <cmath>

namespace fettle::test {
namespace {

// The root of the mean square error against the reference, which sums in double, relative to that of the
// results.
double error_of(const Kernel& kernel, const TestLayer& layer) {
  const Expected expected = reference_outputs(layer);
  const LayerDesc desc = with_signature(layer.desc, kernel.signatures.front(), this_cpu().isa);
  const Results results = check_variant(kernel, desc, layer, expected, {});
  const auto* right = reinterpret_cast<const float*>(expected.outputs[0].data());
  const auto* found = reinterpret_cast<const float*>(results[0].data());
  double error = 0;
  double size = 0;
  for (std::size_t i = 0; i < results[0].size() / sizeof(float); ++i) {
    error += std::pow(static_cast<double>(found[i]) - static_cast<double>(right[i]), 2);
    size += std::pow(static_cast<double>(right[i]), 2);
  }
  return std::sqrt(error / size);
}

const Kernel* row(const std::string& name) {
  const Kernel* kernel = find_builtin_kernel(name);
  return kernel != nullptr && has_all(this_cpu().isa, kernel->isa) ? kernel : nullptr;
}

}  // namespace

TEST_CASE("Winograd's rounding errors stay within what its rows say", "[kernels]") {
  Attributes a;
  a.set("kernel_shape", std::vector<std::int64_t>{3, 3});
  a.set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  const TestLayer layer = make_layer(Op::conv, a, {input({1, 64, 24, 24}), weight({32, 64, 3, 3})}).value();
  for (const std::string isa : {"avx512", "avx2", "neon"}) {
    const Kernel* plain = row("conv.indirect.f32." + isa);
    if (plain == nullptr) continue;
    const double unit = error_of(*plain, layer);
    for (const std::string m : {"2", "4", "5", "6"}) {
      const Kernel* kernel = row("conv.winograd_f" + m + ".f32." + isa);
      REQUIRE(kernel != nullptr);
      const double error = error_of(*kernel, layer);
      INFO(kernel->name << ": " << error << ", plain " << unit);
      CHECK(error <= static_cast<double>(kernel->rounding) * unit);
      CHECK(error <= 1e-5);
    }
  }
}

}  // namespace fettle::test

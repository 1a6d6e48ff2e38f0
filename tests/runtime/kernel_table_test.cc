// SPDX-License-Identifier: Apache-2.0
//
// The order of the kernel table and what it refuses, by the CPU that a program is compiled for.
#include "lib/compile/kernel_table.h"

#include "lib/base/core_kind.h"

#include <catch2/catch_test_macros.hpp>

#include <string_view>
#include <utility>
#include <vector>

namespace fettle::test {
namespace {

constexpr Op kAddOp[] = {Op::add};
constexpr Signature kOnlyNchw[] = {{Layout::nchw, Layout::nchw, DataType::f32}};

Kernel entry(std::string_view name, bool for_in_order_cores) {
  Kernel kernel{};
  kernel.name = name;
  kernel.pattern = kAddOp;
  kernel.signatures = kOnlyNchw;
  kernel.for_in_order_cores = for_in_order_cores;
  kernel.supports = [](const LayerDesc&, const Cpu&) { return Refusal::none; };
  kernel.bind = [](const BindArgs&) -> Result<std::unique_ptr<BoundKernel>> {
    return Error(ErrorCode::kKernelFailed, "not to be bound");
  };
  return kernel;
}

const CoreKind kA53{.name = "Cortex-A53", .midr = 0x410fd034, .count = 4};
const CoreKind kA72{.name = "Cortex-A72", .midr = 0x410fd083, .count = 2};
const CoreKind kUnknownCore{.name = "Arm", .midr = 0, .count = 4};

Cpu cpu_with(std::vector<CoreKind> cores) { return {.isa = Isa::none, .cores = std::move(cores)}; }

LayerDesc addition() {
  LayerDesc layer;
  layer.parts.push_back({Op::add, {}, {}, {0, 1}});
  layer.inputs.assign(2, TensorDesc{Shape{1}, {}, {1}, false});
  layer.outputs.assign(1, TensorDesc{Shape{1}, {}, {1}, false});
  return layer;
}

}  // namespace

TEST_CASE("kinds of cores are told by their part numbers", "[runtime]") {
  CHECK(only_in_order_cores(cpu_with({kA53})));
  CHECK_FALSE(only_in_order_cores(cpu_with({kA72, kA53})));
  CHECK_FALSE(only_in_order_cores(cpu_with({kUnknownCore})));
  CHECK_FALSE(only_in_order_cores(cpu_with({})));
  CHECK(has_in_order_core(cpu_with({kA72, kA53})));
  CHECK_FALSE(has_in_order_core(cpu_with({kA72})));
}

TEST_CASE("kernels for in-order cores come first where there are no others", "[runtime]") {
  const Kernel general = entry("add.general.f32.test", false);
  const Kernel in_order = entry("add.in_order.f32.test", true);
  const Kernel* own[] = {&general, &in_order};
  const auto first = [&](const Cpu& cpu) { return runtime::KernelTable(own, cpu).entries().front(); };
  CHECK(first(cpu_with({kA53})) == &in_order);
  CHECK(first(cpu_with({kA72, kA53})) == &general);
  CHECK(first(cpu_with({kA72})) == &general);
}

TEST_CASE("kernels for in-order cores are refused where there is none, with that as the reason",
          "[runtime]") {
  const Kernel in_order = entry("add.in_order.f32.test", true);
  const Kernel* own[] = {&in_order};
  const auto check = [&](const Cpu& cpu) {
    return runtime::KernelTable(own, cpu).check(in_order, addition());
  };
  CHECK(check(cpu_with({kA72})) == Refusal::core);
  CHECK(check(cpu_with({kUnknownCore})) == Refusal::core);
  CHECK(check(cpu_with({kA72, kA53})) == Refusal::none);
}

}  // namespace fettle::test

// SPDX-License-Identifier: Apache-2.0
//
// Layers that no compiler would make: each row must refuse or accept them, and give its reason, without
// touching what is not there. Sanitizers see more of it than a plain build.
#include "lib/runtime/kernel_table.h"
#include "tests/common/data.h"
#include "tests/kernels/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <limits>

namespace fettle::test {
namespace {

using runtime::KernelTable;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

void spoil_shape(Random& random, Shape& shape) {
  const std::int64_t extents[] = {0, 1, 7};
  if (random() % 3 == 0) return shape.push_back(2);
  if (shape.rank() == 0) return;
  if (random() % 2 == 0)
    shape[static_cast<int>(random() % static_cast<std::uint32_t>(shape.rank()))] = extents[random() % 3];
  else
    shape = Shape(shape.dims().first(static_cast<std::size_t>(shape.rank() - 1)));
}

void spoil_attribute(Random& random, Attributes& attributes) {
  if (attributes.entries().empty()) return;
  const std::string name = attributes.entries()[random() % attributes.entries().size()].first;
  switch (random() % 5) {
    case 0:
      return attributes.erase(name);
    case 1:
      return attributes.set(name, pick(random, -1, 1));
    case 2:
      return attributes.set(name, std::vector<std::int64_t>{0});
    case 3:
      return attributes.set(name, std::vector<std::int64_t>{0, 0, -1, kMost});
    default:
      return attributes.set(name, std::string("x"));
  }
}

void spoil(Random& random, LayerDesc& layer) {
  std::vector<TensorDesc>& tensors = random() % 3 == 0 ? layer.outputs : layer.inputs;
  TensorDesc& tensor = tensors[random() % tensors.size()];
  switch (random() % 7) {
    case 0:
    case 1:
      return spoil_shape(random, tensor.shape);
    case 2:
      tensor.constant = !tensor.constant;
      return;
    case 3:
      tensor.format.type = static_cast<DataType>(random() % 14);
      return;
    case 4:
      if (layer.inputs.size() < 2 || layer.parts.size() > 1) return;
      layer.inputs.pop_back();
      layer.parts[0].operands.pop_back();
      return;
    default:
      spoil_attribute(random, layer.parts[0].attributes);
  }
}

}  // namespace

TEST_CASE("malformed layers are refused or accepted, with a reason", "[kernels]") {
  const KernelTable table({}, this_cpu());
  Random random(6);
  long asked = 0;
  const auto check = [&](const TestLayer& good) {
    for (int i = 0; i < 6; ++i) {
      LayerDesc bad = good.desc;
      spoil(random, bad);
      for (const Kernel* kernel : table.rows()) {
        if (kernel->pattern.size() != bad.parts.size() || kernel->pattern[0] != bad.main().op) continue;
        for (const LayoutPair& pair : kernel->layouts) {
          INFO(kernel->name << ": " << bad.text());
          CHECK_FALSE(to_string(table.check(*kernel, runtime::with_layouts(bad, pair))).empty());
          ++asked;
        }
      }
    }
  };
  const int scale = quick() ? 1 : 5;
  visit_windows(10 * scale, check);
  visit_products(4 * scale, check);
  visit_elementwise(2 * scale, check);
  visit_reductions(4 * scale, check);
  visit_movement(4 * scale, check);
  visit_regions(5 * scale, check);
  CHECK(asked > 1000);
}

}  // namespace fettle::test

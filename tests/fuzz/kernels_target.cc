// SPDX-License-Identifier: Apache-2.0
//
// Bytes as a small layer: a kernel that accepts it computes what the reference does, in guarded memory,
// from strided tensors and in place where it says so, on any number of threads to the same bits.
#include "lib/compile/kernel_table.h"
#include "lib/graph/estimates.h"
#include "tests/fuzz/layers/random_layer.h"
#include "tests/fuzz/target.h"
#include "tests/kernels/allocations.h"
#include "tests/kernels/narrow_weights.h"
#include "tests/kernels/variant.h"

#include <algorithm>
#include <cmath>

// Sanitizers allocate as they like; the tests count.
long fettle::test::allocations() noexcept { return 0; }

namespace fettle::fuzz {
namespace {

using runtime::KernelTable;
using test::Against;
using test::check_variant;
using test::Expected;
using test::TestLayer;

constexpr double kMostOperations = 3e4;

const KernelTable& table() {
  static const KernelTable rows({}, this_cpu());
  return rows;
}

bool has_reference(const LayerDesc& desc) {
  return std::any_of(table().entries().begin(), table().entries().end(), [&](const Kernel* kernel) {
    return kernel->name.ends_with(".reference") && kernel->pattern[0] == desc.main().op &&
           table().check(*kernel, desc) == Refusal::none;
  });
}

template <typename Body>
void for_each_float(TestLayer& layer, Body&& body) {
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    if (layer.desc.inputs[i].format.type != DataType::f32) continue;
    auto* values = reinterpret_cast<float*>(layer.inputs[i].data());
    std::for_each(values, values + layer.inputs[i].size() / sizeof(float), body);
  }
}

// Rounding is relative to what was added up, which may be far more than is left of it: the result for the
// inputs' magnitudes says how much.
Expected expected_of(const TestLayer& layer) {
  Expected expected = test::reference_outputs(layer);
  TestLayer magnitudes = layer;
  for_each_float(magnitudes, [&](float& value) {
    value = std::abs(value);
    expected.largest = std::max(expected.largest, static_cast<double>(value));
  });
  const Op op = layer.desc.main().op;
  if (op == Op::conv || op == Op::conv_transpose || op == Op::gemm || op == Op::matmul)
    expected.largest = std::max(expected.largest, test::reference_outputs(magnitudes).largest);
  return expected;
}

// Distances that leave gaps, as far as the kernel takes them.
void stretch(ByteSource& bytes, TensorDesc& tensor, Striding striding) {
  if (striding == Striding::dense || tensor.constant || tensor.shape.rank() < 2) return;
  Shape wider = tensor.shape;
  for (int axis = 0; axis < wider.rank(); ++axis)
    wider[axis] += striding == Striding::any ? bytes.number(0, 2) : axis == 1 ? bytes.number(0, 9) : 0;
  tensor.strides = dense_strides(wider, tensor.format);
}

struct Variant {
  const Kernel* kernel;
  LayerDesc desc;
};

// What accepts the layer: one of them is tried, so that an input stays quick.
std::vector<Variant> variants_of(const LayerDesc& layer) {
  std::vector<Variant> variants;
  for (const Kernel* kernel : table().entries()) {
    if (!has_pattern(*kernel, layer)) continue;
    for (const Signature& signature : kernel->signatures) {
      LayerDesc desc = with_signature(layer, signature, this_cpu().isa);
      if (table().check(*kernel, desc) == Refusal::none) variants.push_back({kernel, std::move(desc)});
    }
  }
  return variants;
}

void try_variant(ByteSource& bytes, const Variant& variant, const TestLayer& layer,
                 const Expected& expected) {
  const Kernel& kernel = *variant.kernel;
  LayerDesc desc = variant.desc;
  const Against against = bytes.once_in(2) ? Against::start : Against::end;
  const auto threads = static_cast<int>(bytes.number(2, 3));
  const test::Results alone = check_variant(kernel, desc, layer, expected, {against, 1});
  if (kernel.threaded) {
    INFO(kernel.name << ": " << desc.text() << ": " << threads << " threads");
    CHECK(check_variant(kernel, desc, layer, expected, {against, threads}) == alone);
  }
  for (std::size_t i = 0; i < desc.inputs.size(); ++i) {
    const TensorDesc& in = desc.inputs[i];
    const bool fits =
        !in.constant && in.shape == desc.outputs[0].shape && in.format == desc.outputs[0].format;
    if ((in_place_inputs(kernel, desc) >> i & 1) != 0 && fits)
      check_variant(kernel, desc, layer, expected, {against, threads, static_cast<int>(i)});
  }
  for (TensorDesc& tensor : desc.inputs) stretch(bytes, tensor, kernel.input_striding);
  for (TensorDesc& tensor : desc.outputs) stretch(bytes, tensor, kernel.output_striding);
  const bool strided = kernel.input_striding != Striding::dense || kernel.output_striding != Striding::dense;
  if (strided && table().check(kernel, desc) == Refusal::none)
    check_variant(kernel, desc, layer, expected, {against, threads});
}

void try_layer(ByteSource bytes) {
  const std::optional<TestLayer> layer = random_layer(bytes);
  if (!layer || graph::count_operations(layer->desc) > kMostOperations) return;
  if (layer->desc.parts.size() == 1 && !has_reference(layer->desc)) return;
  std::vector<Variant> variants = variants_of(layer->desc);
  if (variants.empty()) return;
  const Variant& variant = bytes.one_of(variants);
  const DataType weights = test::narrow_weights(*variant.kernel);
  try_variant(
      bytes, variant, *layer,
      expected_of(weights == DataType::undefined ? *layer : test::with_rounded_weights(*layer, weights)));
}

}  // namespace
}  // namespace fettle::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fettle::fuzz::try_layer(fettle::fuzz::ByteSource(data, size));
  return 0;
}

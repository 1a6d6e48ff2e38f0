// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/variant.h"

#include "kernels/reference/evaluate.h"
#include "lib/base/extents.h"
#include "lib/compile/kernel_table.h"
#include "tests/kernels/allocations.h"
#include "tests/kernels/narrow_weights.h"

#include <fettle/cpu.h>

#include <cmath>

namespace fettle::test {
namespace {

constexpr std::size_t kPadding = ~std::size_t{0};

// Calls body(place in the dense nchw bytes, place by the tensor's strides) for every element, both counted in
// elements, and body(kPadding, place) for what fills the last block of channels up.
template <typename Body>
void for_each_element(const TensorDesc& tensor, Body&& body) {
  const std::int64_t block = std::max<std::int64_t>(1, tensor.format.block);
  const auto stored = [&](int axis) {
    const std::int64_t extent = tensor.shape[axis];
    return axis == 1 ? (extent + block - 1) / block * block : extent;
  };
  std::int64_t total = 1;
  for (int axis = 0; axis < tensor.shape.rank(); ++axis) total *= stored(axis);
  std::int64_t index[kMaxRank] = {};
  std::size_t dense = 0;
  for (std::int64_t i = 0; i < total; ++i) {
    const bool blocked = block > 1;
    std::int64_t place = blocked ? index[1] % block : 0;
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
      const std::int64_t at = blocked && axis == 1 ? index[1] / block : index[axis];
      place += at * tensor.strides[static_cast<std::size_t>(axis)];
    }
    const bool padding = blocked && index[1] >= tensor.shape[1];
    body(padding ? kPadding : dense++, static_cast<std::size_t>(place));
    for (int axis = tensor.shape.rank() - 1; axis >= 0 && ++index[axis] == stored(axis); --axis)
      index[axis] = 0;
  }
}

std::size_t bytes_spanned(const TensorDesc& tensor) {
  if (tensor.shape.elements() == 0) return 0;
  const std::int64_t block = std::max<std::int64_t>(1, tensor.format.block);
  std::int64_t last = block - 1;
  for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
    const std::int64_t steps = axis == 1 ? (tensor.shape[axis] + block - 1) / block : tensor.shape[axis];
    last += (steps - 1) * tensor.strides[static_cast<std::size_t>(axis)];
  }
  return static_cast<std::size_t>(last + 1) * size_of(tensor.format.type);
}

void scatter(const TensorDesc& tensor, std::span<const std::byte> dense, std::byte* memory) {
  const std::size_t size = size_of(tensor.format.type);
  for_each_element(tensor, [&](std::size_t from, std::size_t to) {
    if (from == kPadding)
      std::memset(memory + to * size, 0, size);
    else
      std::memcpy(memory + to * size, dense.data() + from * size, size);
  });
}

std::vector<std::byte> gather(const TensorDesc& tensor, const std::byte* memory) {
  const std::size_t size = size_of(tensor.format.type);
  std::vector<std::byte> dense(static_cast<std::size_t>(tensor.shape.elements()) * size);
  for_each_element(tensor, [&](std::size_t to, std::size_t from) {
    if (to != kPadding) std::memcpy(dense.data() + to * size, memory + from * size, size);
  });
  return dense;
}

// Whether the last block of channels is filled up with zeros, of either sign.
bool padding_is_zero(const TensorDesc& tensor, const std::byte* memory) {
  bool zero = true;
  for_each_element(tensor, [&](std::size_t to, std::size_t from) {
    float value = 0;
    if (to == kPadding) std::memcpy(&value, memory + from * sizeof value, sizeof value);
    zero = zero && value == 0;
  });
  return zero;
}

// Whether the bytes between a strided tensor's elements still hold the pattern.
bool gaps_intact(const TensorDesc& tensor, std::span<const std::byte> memory) {
  const std::size_t size = size_of(tensor.format.type);
  std::vector<char> used(memory.size());
  for_each_element(tensor, [&](std::size_t, std::size_t place) {
    std::fill_n(used.begin() + static_cast<std::ptrdiff_t>(place * size), size, char{1});
  });
  for (std::size_t i = 0; i < memory.size(); ++i) {
    if (used[i] == 0 && memory[i] != std::byte{GuardedBuffer::kPattern}) return false;
  }
  return true;
}

std::vector<std::byte> copy(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

double magnitude(float value) { return std::isfinite(value) ? std::abs(static_cast<double>(value)) : 0; }

std::span<const float> floats_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

// Whether a quantised layer rounds in a way of its own, by up to a unit: sums and averages, and products of
// libraries. Others, and kernels that only move or compare stored numbers, are exact.
bool rounds(const Kernel& kernel, const LayerDesc& desc) {
  const Op op = desc.main().op;
  const bool product = op == Op::conv || op == Op::gemm || op == Op::matmul;
  if (product && !kernel.name.ends_with(".xnnpack")) return false;
  constexpr Op kRounding[] = {
      Op::conv, Op::gemm, Op::matmul, Op::add, Op::mul, Op::average_pool, Op::global_average_pool};
  if (desc.main().op == Op::convert)  // from one quantisation to another
    return desc.inputs[0].format.scale != 0 && desc.outputs[0].format.scale != 0;
  return desc.outputs[0].format.scale != 0 &&
         std::find(std::begin(kRounding), std::end(kRounding), desc.main().op) != std::end(kRounding);
}

bool within_one(DataType type, std::span<const std::byte> got, std::span<const std::byte> expected) {
  const auto number = [type](std::byte byte) {
    const auto stored = std::to_integer<std::uint8_t>(byte);
    return type == DataType::s8 ? int{static_cast<std::int8_t>(stored)} : int{stored};
  };
  return std::equal(got.begin(), got.end(), expected.begin(), expected.end(),
                    [&](std::byte a, std::byte b) { return std::abs(number(a) - number(b)) <= 1; });
}

}  // namespace

void check_same(const Kernel& kernel, const LayerDesc& desc, const TensorDesc& tensor,
                std::span<const std::byte> got, std::span<const std::byte> expected, double largest) {
  if (rounds(kernel, desc)) {
    CHECK(within_one(tensor.format.type, got, expected));
    return;
  }
  if (tensor.format.type != DataType::f32) {
    CHECK(std::equal(got.begin(), got.end(), expected.begin(), expected.end()));
    return;
  }
  const std::span<const float> a = floats_of(got);
  const std::span<const float> b = floats_of(expected);
  REQUIRE(a.size() == b.size());
  double difference = 0;
  std::size_t differing = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    const double apart = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    difference = std::isnan(apart) ? INFINITY : std::max(difference, apart);
    ++differing;
  }
  INFO(differing << " of " << a.size() << " elements differ by up to " << difference << ", the largest is "
                 << largest);
  // Room for kernels that round about as a sum of products does, and in proportion for the others.
  // Weights are rounded before they are compared.
  const double rounding =
      narrow_weights(kernel) == DataType::undefined ? static_cast<double>(kernel.rounding) : 1;
  const double tolerance = 1e-5 * std::max(1.0, rounding / 8);
  CHECK(difference <= tolerance * largest);
}

namespace {

// The kernel's memory for one run.
class Memory {
 public:
  Memory(const Kernel& kernel, const LayerDesc& desc, const TestLayer& layer, const Setting& setting)
      : workspace_(
            kernel.workspace_bytes == nullptr
                ? 0
                : kernel.workspace_bytes(setting.bounds != nullptr ? *setting.bounds : desc, setting.threads),
            setting.against, 0, 64) {
    for (std::size_t i = 0; i < desc.inputs.size(); ++i) {
      const TensorDesc& tensor = desc.inputs[i];
      const std::size_t slack = tensor.constant ? 0 : kernel.overread_bytes;
      GuardedBuffer& buffer =
          inputs_.emplace_back(bytes_spanned(tensor), setting.against, slack, size_of(tensor.format.type));
      scatter(tensor, layer.inputs[i], buffer.data());
      input_addresses_.push_back(tensor.constant && kernel.pack != nullptr ? nullptr : buffer.data());
    }
    for (std::size_t i = 0; i < desc.outputs.size(); ++i) {
      const TensorDesc& tensor = desc.outputs[i];
      outputs_.emplace_back(bytes_spanned(tensor), setting.against, 0, size_of(tensor.format.type));
      const bool shared = i == 0 && setting.in_place >= 0;
      output_addresses_.push_back(shared ? inputs_[static_cast<std::size_t>(setting.in_place)].data()
                                         : outputs_[i].data());
    }
  }
  std::span<const void* const> inputs() const { return input_addresses_; }
  std::span<void* const> outputs() const { return output_addresses_; }
  void* workspace() const { return workspace_.data(); }
  const std::byte* output(std::size_t i) const { return static_cast<const std::byte*>(output_addresses_[i]); }
  std::vector<std::byte> input_copy(std::size_t i) const { return copy(inputs_[i].bytes()); }

  void check_surroundings(const LayerDesc& desc) const {
    CHECK(workspace_.surroundings_intact());
    for (const GuardedBuffer& input : inputs_) CHECK(input.surroundings_intact());
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      CHECK(outputs_[i].surroundings_intact());
      CHECK(gaps_intact(desc.outputs[i], outputs_[i].bytes()));
    }
  }

 private:
  GuardedBuffer workspace_;
  std::vector<GuardedBuffer> inputs_;
  std::vector<GuardedBuffer> outputs_;
  std::vector<const void*> input_addresses_;
  std::vector<void*> output_addresses_;
};

GuardedBuffer pack(const Kernel& kernel, const LayerDesc& desc, const TestLayer& layer, Against against) {
  if (kernel.pack == nullptr) return GuardedBuffer(0, against, 0, 64);
  std::vector<ConstantBytes> constants;
  for (std::size_t i = 0; i < desc.inputs.size(); ++i)
    constants.push_back(desc.inputs[i].constant ? ConstantBytes(layer.inputs[i]) : ConstantBytes());
  const Result<std::size_t> size = kernel.packed_bytes(desc, constants);
  REQUIRE(size);
  GuardedBuffer packed(*size, against, 0, 64);
  const Status status = kernel.pack(desc, constants, packed.bytes());
  INFO((status ? "" : status.error().text()));
  REQUIRE(status);
  CHECK(packed.surroundings_intact());
  return packed;
}

ThreadPool* pool() {
  static const Result<std::shared_ptr<ThreadPool>> made = make_thread_pool({.threads = 3});
  REQUIRE(made);
  return made->get();
}

std::vector<std::vector<std::byte>> evaluate(const LayerDesc& desc,
                                             const std::vector<std::vector<std::byte>>& inputs) {
  const std::vector<ConstantBytes> views(inputs.begin(), inputs.end());
  std::vector<std::vector<std::byte>> outputs;
  for (const TensorDesc& output : desc.outputs)
    outputs.emplace_back(dense_bytes(output.shape, {Layout::nchw, output.format.type}));
  const std::vector<std::span<std::byte>> results(outputs.begin(), outputs.end());
  const Result<std::string_view> status = kernels::evaluate_reference(desc, views, results);
  INFO((status ? "" : status.error().text()));
  REQUIRE(status);
  return outputs;
}

// The results of each part of a region, one after the other.
std::vector<Results> evaluate_parts(const LayerDesc& desc,
                                    const std::vector<std::vector<std::byte>>& inputs) {
  std::vector<Results> results;
  for (std::size_t i = 0; i < desc.parts.size(); ++i) {
    LayerDesc layer;
    layer.parts = {desc.parts[i]};
    layer.outputs = i + 1 < desc.parts.size() ? std::vector<TensorDesc>{desc.inner[i]} : desc.outputs;
    std::vector<std::vector<std::byte>> operands;
    for (int& operand : layer.parts[0].operands) {
      if (operand == kNoOperand) continue;
      const int part = part_of_operand(operand);
      const auto index = static_cast<std::size_t>(part >= 0 ? part : operand);
      layer.inputs.push_back(part >= 0 ? desc.inner[index] : desc.inputs[index]);
      operands.push_back(part >= 0 ? results[index][0] : inputs[index]);
      operand = static_cast<int>(operands.size()) - 1;
    }
    results.push_back(evaluate(layer, operands));
  }
  return results;
}

// What the runtime tells a kernel before a run.
void tell_extents(BoundKernel& kernel, const LayerDesc& bounds, const LayerDesc& actual) {
  const std::size_t inputs = bounds.inputs.size();
  for (std::size_t i = 0; i < inputs + bounds.outputs.size(); ++i) {
    const TensorDesc& most = i < inputs ? bounds.inputs[i] : bounds.outputs[i - inputs];
    const TensorDesc& is = i < inputs ? actual.inputs[i] : actual.outputs[i - inputs];
    for (int axis = 0; axis < most.shape.rank(); ++axis) {
      if (is_bounded(most, axis)) kernel.set_extent(i, axis, is.shape[axis]);
    }
  }
}

}  // namespace

Expected reference_outputs(const TestLayer& layer) {
  std::vector<Results> parts = evaluate_parts(layer.desc, layer.inputs);
  Expected expected{parts.back(), 0};
  LayerDesc unclamped = layer.desc;
  bool clamps = false;
  for (LayerPart& part : unclamped.parts) {
    clamps = clamps || part.clamp.has_value();
    part.clamp.reset();
  }
  if (clamps) parts = evaluate_parts(unclamped, layer.inputs);
  for (const Results& results : parts) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (layer.desc.outputs[i].format.type != DataType::f32) continue;
      for (float value : floats_of(results[i]))
        expected.largest = std::max(expected.largest, magnitude(value));
    }
  }
  return expected;
}

std::vector<std::byte> packed(const Kernel& kernel, const LayerDesc& desc, const TestLayer& layer) {
  return copy(pack(kernel, desc, layer, Against::end).bytes());
}

Results check_variant(const Kernel& kernel, const LayerDesc& desc, const TestLayer& layer,
                      const Expected& expected, const Setting& setting) {
  const Results results = run_variant(kernel, desc, layer, setting);
  INFO(kernel.name << ": " << desc.text() << "\n"
                   << setting.threads << " threads, in place " << setting.in_place);
  for (std::size_t i = 0; i < results.size(); ++i)
    check_same(kernel, desc, desc.outputs[i], results[i], expected.outputs[i], expected.largest);
  return results;
}

Results run_variant(const Kernel& kernel, const LayerDesc& desc, const TestLayer& layer,
                    const Setting& setting) {
  INFO(kernel.name << ": " << desc.text() << "\n"
                   << setting.threads << " threads, guarded at the "
                   << (setting.against == Against::start ? "start" : "end") << ", in place "
                   << setting.in_place);
  const GuardedBuffer packed = pack(kernel, desc, layer, setting.against);
  const std::vector<std::byte> weights = copy(packed.bytes());
  Memory memory(kernel, desc, layer, setting);
  const LayerDesc& given = setting.bounds != nullptr ? *setting.bounds : desc;
  Result<std::unique_ptr<BoundKernel>> bound =
      kernel.bind({given, packed.bytes(), setting.threads > 1 ? pool() : nullptr, setting.threads});
  INFO((bound ? "" : bound.error().text()));
  REQUIRE(bound);
  REQUIRE((*bound)->set_buffers(memory.inputs(), memory.outputs(), memory.workspace()));
  const long allocated = allocations();
  tell_extents(**bound, given, desc);
  const Status ran = (*bound)->run();
  const long in_run = allocations() - allocated;
  REQUIRE(ran);
  CHECK(in_run == 0);

  Results results;
  for (std::size_t i = 0; i < desc.outputs.size(); ++i) {
    results.push_back(gather(desc.outputs[i], memory.output(i)));
    CHECK(padding_is_zero(desc.outputs[i], memory.output(i)));
  }
  memory.check_surroundings(desc);
  const std::span<const std::byte> after = packed.bytes();
  CHECK(std::equal(after.begin(), after.end(), weights.begin(), weights.end()));
  if (setting.in_place >= 0) return results;

  for (std::size_t i = 0; i < desc.inputs.size(); ++i)
    CHECK(gather(desc.inputs[i], memory.input_copy(i).data()) == layer.inputs[i]);
  REQUIRE((*bound)->run());
  for (std::size_t i = 0; i < desc.outputs.size(); ++i)
    CHECK(gather(desc.outputs[i], memory.output(i)) == results[i]);
  return results;
}

std::vector<const Kernel*> rows_here(const std::string& name) {
  std::vector<const Kernel*> rows;
  for (const std::string isa : {"avx512", "avx2", "neon"}) {
    const Kernel* row = find_builtin_kernel(name + "." + isa);
    if (row != nullptr && has_all(this_cpu().isa, row->isa)) rows.push_back(row);
  }
  return rows;
}

}  // namespace fettle::test

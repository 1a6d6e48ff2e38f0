// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/layer_data.h"

#include "tuner/cli/tensor_elements.h"

#include <fettle/cpu.h>
#include <fettle/thread_pool.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fettle::cli {
namespace {

using RunClock = std::chrono::steady_clock;
using Random = std::mt19937;

// Where addresses have 32 bits, there is room for less.
constexpr int kMostSpannedGib = sizeof(std::size_t) > 4 ? 4 : 1;
constexpr std::size_t kMostSpannedBytes = std::size_t{kMostSpannedGib} << 30;
constexpr std::size_t kAlignment = 64;

double us_since(RunClock::time_point start) {
  return std::chrono::duration<double, std::micro>(RunClock::now() - start).count();
}

// Zeroed memory as programs give it to kernels.
class KernelMemory {
 public:
  static Result<KernelMemory> allocate(std::size_t bytes) {
    const std::size_t whole = std::max(bytes, kAlignment);
    KernelMemory memory;
    memory.bytes_.reset(
        static_cast<std::byte*>(::operator new (whole, std::align_val_t{kAlignment}, std::nothrow)));
    if (memory.bytes_ == nullptr)
      return Error(ErrorCode::kOutOfMemory, "no memory for a tensor of " + std::to_string(bytes) + " bytes");
    std::memset(memory.bytes_.get(), 0, whole);
    memory.size_ = bytes;
    return memory;
  }
  std::byte* data() const { return bytes_.get(); }
  std::span<std::byte> bytes() const { return {bytes_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { ::operator delete (bytes, std::align_val_t{kAlignment}); }
  };
  std::unique_ptr<std::byte, Free> bytes_;
  std::size_t size_ = 0;
};

Result<std::size_t> spanned(const TensorDesc& tensor) {
  if (const std::optional<std::size_t> bytes = span_bytes(tensor, kMostSpannedBytes)) return *bytes;
  for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
    if (tensor.strides[static_cast<std::size_t>(axis)] < 0)
      return Error(ErrorCode::kInvalidArgument, "a tensor of the layer has a negative stride",
                   "give one whose strides are 0 or more");
  }
  return Error(ErrorCode::kLimitExceeded,
               "a tensor of the layer takes more than " + std::to_string(kMostSpannedGib) + " GiB",
               "give a smaller layer");
}

Result<KernelMemory> memory_for(const TensorDesc& tensor, std::size_t slack = 0) {
  const Result<std::size_t> bytes = spanned(tensor);
  if (!bytes) return bytes.error();
  return KernelMemory::allocate(*bytes + slack);
}

// What an input is to the operator that uses it.
enum class Role { data, bias_of_integers, scale_of_weights, variance };

Role role_of(const LayerDesc& layer, std::size_t input) {
  for (const LayerPart& part : layer.parts) {
    const auto found = std::find(part.operands.begin(), part.operands.end(), static_cast<int>(input));
    if (found == part.operands.end()) continue;
    const auto place = found - part.operands.begin();
    if (part.op == Op::batch_norm && place == 4) return Role::variance;
    const bool product = part.op == Op::conv || part.op == Op::gemm || part.op == Op::matmul;
    if (!product || layer.inputs[0].format.scale == 0) continue;
    if (place == 2) return Role::bias_of_integers;
    if (place == 3) return Role::scale_of_weights;
  }
  return Role::data;
}

// The contents of one input.
class Filling {
 public:
  Filling(const LayerDesc& layer, std::size_t input, Random& random)
      : layer_(layer), tensor_(layer.inputs[input]), role_(role_of(layer, input)), random_(random) {}

  std::vector<std::byte> bytes() {
    const auto count = static_cast<std::size_t>(tensor_.shape.elements());
    std::vector<std::byte> bytes(count * size_of(tensor_.format.type));
    switch (tensor_.format.type) {
      case DataType::f32:
        fill<float>(bytes, [&] { return static_cast<float>(real()); });
        break;
      case DataType::f64:
        fill<double>(bytes, [&] { return real(); });
        break;
      case DataType::f16:  // 2^-4 to 1, of either sign
        fill<std::uint16_t>(bytes, [&] { return static_cast<std::uint16_t>((random_() & 0x8fff) + 0x2c00); });
        break;
      case DataType::bf16:  // 2^-3 to 2
        fill<std::uint16_t>(bytes, [&] { return static_cast<std::uint16_t>((random_() & 0x81ff) + 0x3e00); });
        break;
      case DataType::s32:
        fill<std::int32_t>(bytes, [&] {
          return static_cast<std::int32_t>(role_ == Role::bias_of_integers ? random_() % 2001 - 1000
                                                                           : random_() & 1);
        });
        break;
      default:
        integers(bytes);
    }
    return bytes;
  }

 private:
  double real() {
    const double unit = static_cast<double>(random_() >> 8) / (1 << 24);
    // As large as makes sums of products about as large as results.
    if (role_ == Role::scale_of_weights) {
      const double result = layer_.outputs[0].format.scale;
      const double input = layer_.inputs[0].format.scale;
      return (result > 0 ? result / input : 1) * (1 + unit) / 2048;
    }
    return role_ == Role::variance ? 0.5 + unit : 2 * unit - 1;
  }

  template <typename T, typename Draw>
  static void fill(std::span<std::byte> bytes, Draw&& draw) {
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(T)) {
      const T value = draw();
      std::memcpy(bytes.data() + at, &value, sizeof value);
    }
  }

  // Every byte of stored numbers; of others the lowest bit alone.
  void integers(std::span<std::byte> bytes) {
    const std::size_t size = size_of(tensor_.format.type);
    const std::size_t step = tensor_.format.scale != 0 ? 1 : size;
    const auto mask = static_cast<std::uint32_t>(tensor_.format.scale != 0 ? 255 : 1);
    for (std::size_t at = 0; at < bytes.size(); at += step)
      bytes[at] = static_cast<std::byte>(random_() & mask);
  }

  const LayerDesc& layer_;
  const TensorDesc& tensor_;
  Role role_;
  Random& random_;
};

// The memory of one layer.
struct Buffers {
  std::vector<KernelMemory> inputs = {};
  std::vector<KernelMemory> outputs = {};
  std::vector<const void*> input_addresses = {};
  std::vector<void*> output_addresses = {};
};

Result<Buffers> make_buffers(const Kernel& kernel, const LayerDesc& layer, const TensorBytes& inputs) {
  Buffers buffers;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    const TensorDesc& tensor = layer.inputs[i];
    Result<KernelMemory> memory = memory_for(tensor, tensor.constant ? 0 : kernel.overread_bytes);
    if (!memory) return std::move(memory).error();
    place_elements(tensor, inputs[i], memory->data());
    buffers.input_addresses.push_back(tensor.constant && kernel.pack != nullptr ? nullptr : memory->data());
    buffers.inputs.push_back(*std::move(memory));
  }
  for (const TensorDesc& tensor : layer.outputs) {
    Result<KernelMemory> memory = memory_for(tensor);
    if (!memory) return std::move(memory).error();
    buffers.output_addresses.push_back(memory->data());
    buffers.outputs.push_back(*std::move(memory));
  }
  return buffers;
}

Result<KernelMemory> pack(const Kernel& kernel, const LayerDesc& layer, const TensorBytes& inputs) {
  if (kernel.pack == nullptr) return KernelMemory::allocate(0);
  std::vector<ConstantBytes> constants;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i)
    constants.push_back(layer.inputs[i].constant ? ConstantBytes(inputs[i]) : ConstantBytes());
  const Result<std::size_t> size = kernel.packed_bytes(layer, constants);
  if (!size) return size.error();
  Result<KernelMemory> packed = KernelMemory::allocate(*size);
  if (!packed) return packed;
  if (Status status = kernel.pack(layer, constants, packed->bytes()); !status)
    return std::move(status).error();
  return packed;
}

Status run_times(BoundKernel& bound, int times) {
  for (int i = 0; i < times; ++i) {
    if (Status status = bound.run(); !status) return status;
  }
  return {};
}

// Layers of a fraction of a microsecond are timed some at once, or the clock would be what is measured.
int runs_at_once(const RunSettings& settings, double run_us) {
  constexpr double kLeastUs = 10;
  if (settings.iterations > 0) return 1;
  return static_cast<int>(std::clamp(kLeastUs / std::max(run_us, 1e-3), 1.0, 1000.0));
}

Status time_runs(BoundKernel& bound, const RunSettings& settings, std::vector<double>& run_us) {
  const auto warm = RunClock::now();
  double last_us = 0;
  do {
    const auto before = RunClock::now();
    if (Status status = bound.run(); !status) return status;
    last_us = us_since(before);
  } while (us_since(warm) < settings.warmup_s * 1e6);
  const int at_once = runs_at_once(settings, last_us);
  const auto start = RunClock::now();
  do {
    const auto before = RunClock::now();
    if (Status status = run_times(bound, at_once); !status) return status;
    run_us.push_back(us_since(before) / at_once);
  } while (settings.iterations > 0 ? run_us.size() < static_cast<std::size_t>(settings.iterations)
                                   : us_since(start) < settings.duration_s * 1e6);
  std::sort(run_us.begin(), run_us.end());
  return {};
}

void make_plain(std::vector<TensorDesc>& tensors) {
  for (TensorDesc& tensor : tensors) {
    tensor.format.layout = Layout::nchw;
    tensor.format.block = 0;
    tensor.strides = dense_strides(tensor.shape, tensor.format);
  }
}

Result<TensorBytes> reference_part(LayerDesc part, const TensorBytes& operands) {
  make_plain(part.inputs);
  make_plain(part.outputs);
  for (const Kernel* kernel : builtin_kernels()) {
    if (!kernel->name.ends_with(".reference") || refusal_of(*kernel, part, this_cpu()) != Refusal::none)
      continue;
    Result<LayerRun> run = run_kernel(*kernel, part, operands, {});
    if (!run) return std::move(run).error();
    return std::move(run->outputs);
  }
  return Error(ErrorCode::kModelUnsupported, "no reference kernel of this build runs " + part.text());
}

}  // namespace

Status check_memory(const LayerDesc& layer) {
  for (const std::vector<TensorDesc>* tensors : {&layer.inputs, &layer.outputs, &layer.inner}) {
    for (const TensorDesc& tensor : *tensors) {
      if (const Result<std::size_t> bytes = spanned(tensor); !bytes) return bytes.error();
    }
  }
  return {};
}

TensorBytes random_inputs(const LayerDesc& layer) {
  Random random(1);
  TensorBytes inputs;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) inputs.push_back(Filling(layer, i, random).bytes());
  return inputs;
}

Result<LayerRun> run_kernel(const Kernel& kernel, const LayerDesc& layer, const TensorBytes& inputs,
                            const RunSettings& settings) {
  const int threads = kernel.threaded ? settings.threads : 1;
  const Result<KernelMemory> packed = pack(kernel, layer, inputs);
  if (!packed) return packed.error();
  Result<Buffers> buffers = make_buffers(kernel, layer, inputs);
  if (!buffers) return std::move(buffers).error();
  const Result<KernelMemory> workspace =
      KernelMemory::allocate(kernel.workspace_bytes == nullptr ? 0 : kernel.workspace_bytes(layer, threads));
  if (!workspace) return workspace.error();
  const Result<std::unique_ptr<BoundKernel>> bound =
      kernel.bind({layer, packed->bytes(), threads > 1 ? settings.pool : nullptr, threads});
  if (!bound) return bound.error();
  if (Status status =
          (*bound)->set_buffers(buffers->input_addresses, buffers->output_addresses, workspace->data());
      !status)
    return std::move(status).error();
  LayerRun run;
  if (Status status = time_runs(**bound, settings, run.run_us); !status) return std::move(status).error();
  for (std::size_t i = 0; i < layer.outputs.size(); ++i)
    run.outputs.push_back(dense_elements(layer.outputs[i], buffers->output_addresses[i]));
  return run;
}

Result<TensorBytes> reference_outputs(const LayerDesc& layer, const TensorBytes& inputs) {
  std::vector<TensorBytes> results;
  for (std::size_t i = 0; i < layer.parts.size(); ++i) {
    TensorBytes operands;
    for (const int operand : layer.parts[i].operands) {
      const int part = part_of_operand(operand);
      if (part >= 0)
        operands.push_back(results[static_cast<std::size_t>(part)].front());
      else if (operand != kNoOperand)
        operands.push_back(inputs[static_cast<std::size_t>(operand)]);
    }
    Result<TensorBytes> outputs = reference_part(layer.part(i), operands);
    if (!outputs) return outputs;
    results.push_back(*std::move(outputs));
  }
  return std::move(results.back());
}

}  // namespace fettle::cli

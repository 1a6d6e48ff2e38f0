// SPDX-License-Identifier: Apache-2.0
//
// Runs every kernel of a few convolutions once, between two system calls that count_instructions.c sees.
// benchmarks/arm/instructions.py starts it and reads what it prints.
#include "benchmarks/kernels/timed_kernel.h"

#include <fettle/cpu.h>
#include <fettle/kernel.h>

#include <fmt/format.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::benchmarks {
namespace {

struct Convolution {
  std::string_view name;
  std::int64_t in, out, side, window, stride;
  bool depthwise = false;
};

constexpr Convolution kLayers[] = {
    {"3x3, 64 to 64, 56x56", 64, 64, 56, 3, 1},
    {"3x3, 256 to 256, 14x14", 256, 256, 14, 3, 1},
    {"1x1, 64 to 256, 56x56", 64, 256, 56, 1, 1},
    {"1x1, 1024 to 256, 14x14", 1024, 256, 14, 1, 1},
    {"1x1, 16 to 16, 56x56", 16, 16, 56, 1, 1},
    {"7x7, 3 to 64, stride 2, 224x224", 3, 64, 224, 7, 2},
    {"3x3 depthwise, 96, 56x56", 96, 96, 56, 3, 1, true},
    {"3x3 depthwise, 96, stride 2, 112x112", 96, 96, 112, 3, 2, true},
};

TensorDesc tensor(const Shape& shape, Layout layout, bool constant, DataType type = DataType::f32,
                  float scale = 0) {
  TensorDesc made{shape, {.layout = layout, .type = type, .scale = scale}, {}, constant};
  made.strides = dense_strides(made.shape, made.format);
  return made;
}

// Of s8 with scales for each output channel.
void quantise(LayerDesc& layer) {
  const Shape each{layer.outputs[0].shape[1]};
  const auto stored = [](TensorDesc& t, DataType type, float scale) {
    t = tensor(t.shape, t.format.layout, t.constant, type, scale);
  };
  stored(layer.inputs[0], DataType::s8, 0.1f);
  stored(layer.inputs[1], DataType::s8, 1.0f);
  layer.inputs[2] = tensor(each, Layout::nchw, true, DataType::s32);
  layer.inputs.push_back(tensor(each, Layout::nchw, true));
  stored(layer.outputs[0], DataType::s8, 0.5f);
  layer.parts[0].operands.push_back(3);
}

// In the formats given, with a bias and a clamp to [0, infinity).
LayerDesc describe(const Convolution& c, const Signature& signature, bool quantised) {
  using Integers = std::vector<std::int64_t>;
  const std::int64_t pad = c.window / 2;
  const std::int64_t out_side = (c.side + 2 * pad - c.window) / c.stride + 1;
  LayerPart part;
  part.op = Op::conv;
  part.attributes.set("kernel_shape", Integers{c.window, c.window});
  part.attributes.set("strides", Integers{c.stride, c.stride});
  part.attributes.set("dilations", Integers{1, 1});
  part.attributes.set("pads", Integers{pad, pad, pad, pad});
  part.attributes.set("group", c.depthwise ? c.in : std::int64_t{1});
  part.clamp = Clamp{0, std::numeric_limits<float>::infinity()};
  part.operands = {0, 1, 2};
  LayerDesc layer;
  layer.parts.push_back(std::move(part));
  layer.inputs = {tensor({1, c.in, c.side, c.side}, signature.input.layout, false),
                  tensor({c.out, c.depthwise ? 1 : c.in, c.window, c.window}, Layout::nchw, true),
                  tensor({c.out}, Layout::nchw, true)};
  layer.outputs = {tensor({1, c.out, out_side, out_side}, signature.output.layout, false)};
  if (quantised) quantise(layer);
  return layer;
}

std::int64_t multiply_accumulates(const LayerDesc& layer) {
  const Shape& weights = layer.inputs[1].shape;
  return layer.outputs[0].shape.elements() * weights[1] * weights[2] * weights[3];
}

// The counts before and after come on stderr; the line that says of what, on stdout.
void run_once(const Convolution& c, const Kernel& kernel, const Signature& signature, bool quantised) {
  const LayerDesc layer = describe(c, signature, quantised);
  if (kernel.supports(layer, this_cpu()) != Refusal::none) return;
  Result<TimedKernel> timed = TimedKernel::make(kernel, layer, nullptr, 1);
  if (!timed) return;
  syscall(SYS_getppid);
  timed->time_us(0);  // once
  syscall(SYS_getppid);
  fmt::print("{}{}; {}; {}\n", quantised ? "8 bits: " : "", c.name, kernel.name, multiply_accumulates(layer));
  std::fflush(stdout);
}

}  // namespace
}  // namespace fettle::benchmarks

int main() {
  using namespace fettle;
  for (const auto& layer : benchmarks::kLayers) {
    for (const Kernel* kernel : builtin_kernels()) {
      if (kernel->pattern.size() != 1 || kernel->pattern[0] != Op::conv ||
          !has_all(this_cpu().isa, kernel->isa) || kernel->name.ends_with(".reference") ||
          kernel->name.ends_with(".portable"))
        continue;
      for (const Signature& signature : kernel->signatures) {
        if (signature.output.layout != Layout::nhwc) continue;
        const bool quantised = kernel->name.find(".q8.") != std::string_view::npos;
        if (quantised || signature.output.type == DataType::f32)
          benchmarks::run_once(layer, *kernel, signature, quantised);
      }
    }
  }
  return 0;
}

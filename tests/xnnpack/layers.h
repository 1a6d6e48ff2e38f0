// SPDX-License-Identifier: Apache-2.0
//
// Small layers for the tests of the entries over XNNPACK, with their operands, and a kernel bound to buffers
// of its own.
#pragma once

#include <fettle/kernel.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::test {

using Integers = std::vector<std::int64_t>;

inline const Kernel* row(std::string_view name) { return find_builtin_kernel(name); }

inline TensorDesc tensor(const Shape& shape, Layout layout, bool constant = false) {
  TensorDesc desc;
  desc.shape = shape;
  desc.format.layout = shape.rank() >= 3 && !constant ? layout : Layout::nchw;
  desc.strides = dense_strides(shape, desc.format);
  desc.constant = constant;
  return desc;
}

/// A layer and numbers for its inputs.
struct Case {
  std::string_view kernel;
  LayerDesc layer;
  std::vector<std::vector<float>> inputs;

  std::vector<ConstantBytes> constants() const {
    std::vector<ConstantBytes> bytes;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto all = std::as_bytes(std::span(inputs[i]));
      bytes.push_back(layer.inputs[i].constant ? all : ConstantBytes{});
    }
    return bytes;
  }
};

inline Case make_case(std::string_view kernel, LayerPart part, std::vector<TensorDesc> inputs,
                      const TensorDesc& output) {
  Case c;
  c.kernel = kernel;
  for (std::size_t i = 0; i < inputs.size(); ++i) part.operands.push_back(static_cast<int>(i));
  c.layer.parts.push_back(std::move(part));
  c.layer.outputs.push_back(output);
  unsigned number = 12345;
  for (TensorDesc& input : inputs) {
    std::vector<float>& values = c.inputs.emplace_back(static_cast<std::size_t>(input.shape.elements()));
    for (float& value : values) {
      number = number * 1664525 + 1013904223;
      value = static_cast<float>(number >> 16) / 32768.0F - 1;
    }
    c.layer.inputs.push_back(std::move(input));
  }
  return c;
}

inline LayerPart windowed(Op op, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                          std::int64_t group = 1) {
  LayerPart part;
  part.op = op;
  part.attributes.set("kernel_shape", Integers{kernel, kernel});
  part.attributes.set("strides", Integers{stride, stride});
  part.attributes.set("dilations", Integers{1, 1});
  part.attributes.set("pads", Integers{pad, pad, pad, pad});
  part.attributes.set("group", group);
  return part;
}

#if defined(__x86_64__) || defined(__i386__)
inline constexpr bool kIsX86 = true;
#else
inline constexpr bool kIsX86 = false;
#endif

/// Output channels of which this CPU's L2 cache does not keep the weights, `weights` for
/// each.
inline std::int64_t many_outputs(std::int64_t weights) {
  const std::size_t known = this_cpu().cores.front().l2_bytes;
  const std::size_t floats = (known != 0 ? known : std::size_t{1} << 20) / sizeof(float);
  return static_cast<std::int64_t>(floats) * 2 / 3 / weights;
}

/// The rows that compute in slices, and those of the same layers that do not.
inline constexpr std::pair<std::string_view, std::string_view> kSlicedRows[] = {
    {"conv.indirect_sliced.f32.xnnpack", "conv.indirect.f32.xnnpack"},
    {"gemm.packed_sliced.f32.xnnpack", "gemm.packed.f32.xnnpack"},
    {"matmul.packed_sliced.f32.xnnpack", "matmul.packed.f32.xnnpack"}};

/// A layer for each of them.
inline std::vector<Case> sliced_cases() {
  constexpr Layout kNhwc = Layout::nhwc;
  std::vector<Case> cases;
  const std::int64_t wide = many_outputs(9 * 41) / 32 * 32 + 1;
  cases.push_back(make_case(
      kSlicedRows[0].first, windowed(Op::conv, 3, 1, 1),
      {tensor({1, 41, 4, 4}, kNhwc), tensor({wide, 41, 3, 3}, kNhwc, true), tensor({wide}, kNhwc, true)},
      tensor({1, wide, 4, 4}, kNhwc)));
  // Slices of widths that leave 12 outputs over, fewer than XNNPACK computes at once: not on x86, where it
  // computes these by a kernel that loses NaN.
  const std::int64_t n = many_outputs(300) / 32 * 32 + (kIsX86 ? 0 : 12);
  LayerPart product;
  product.op = Op::gemm;
  product.attributes.set("transB", std::int64_t{1});
  product.clamp = Clamp{-1, 2};
  cases.push_back(
      make_case(kSlicedRows[1].first, product,
                {tensor({9, 300}, kNhwc), tensor({n, 300}, kNhwc, true), tensor({n}, kNhwc, true)},
                tensor({9, n}, kNhwc)));
  product.op = Op::matmul;
  product.attributes = {};
  cases.push_back(make_case(kSlicedRows[2].first, product,
                            {tensor({2, 5, 300}, Layout::nchw), tensor({300, n}, kNhwc, true)},
                            tensor({2, 5, n}, Layout::nchw)));
  return cases;
}

/// One layer for each way in which the rows use XNNPACK.
inline std::vector<Case> all_cases() {
  constexpr Layout kNhwc = Layout::nhwc;
  std::vector<Case> cases;
  cases.push_back(
      make_case("conv.indirect.f32.xnnpack", windowed(Op::conv, 3, 1, 1),
                {tensor({1, 5, 9, 9}, kNhwc), tensor({19, 5, 3, 3}, kNhwc, true), tensor({19}, kNhwc, true)},
                tensor({1, 19, 9, 9}, kNhwc)));
  cases.push_back(make_case("conv.indirect.f32.xnnpack", windowed(Op::conv, 1, 1, 0),
                            {tensor({1, 5, 9, 9}, kNhwc), tensor({19, 5, 1, 1}, kNhwc, true)},
                            tensor({1, 19, 9, 9}, kNhwc)));
  cases.push_back(
      make_case("dwconv.direct.f32.xnnpack", windowed(Op::conv, 3, 2, 1, 21),
                {tensor({1, 21, 9, 9}, kNhwc), tensor({21, 1, 3, 3}, kNhwc, true), tensor({21}, kNhwc, true)},
                tensor({1, 21, 5, 5}, kNhwc)));
  cases.push_back(make_case("dwconv.direct.f32.xnnpack", windowed(Op::conv, 5, 1, 2, 21),
                            {tensor({1, 21, 9, 9}, kNhwc), tensor({21, 1, 5, 5}, kNhwc, true)},
                            tensor({1, 21, 9, 9}, kNhwc)));
  // On x86 XNNPACK computes these by kernels that lose NaN: rows of their own, or none.
  if (!kIsX86) {
    cases.push_back(make_case("dwconv.direct.f32.xnnpack", windowed(Op::conv, 1, 1, 0, 21),
                              {tensor({1, 21, 9, 9}, kNhwc), tensor({21, 1, 1, 1}, kNhwc, true)},
                              tensor({1, 21, 9, 9}, kNhwc)));
  }
  for (const std::int64_t n : {7, 35}) {
    const bool few = kIsX86 && n < 32;
    cases.push_back(
        make_case(few ? "conv_transpose.indirect_few.f32.xnnpack" : "conv_transpose.indirect.f32.xnnpack",
                  windowed(Op::conv_transpose, 3, 2, 1),
                  {tensor({1, 6, 5, 5}, kNhwc), tensor({6, n, 3, 3}, kNhwc, true), tensor({n}, kNhwc, true)},
                  tensor({1, n, 9, 9}, kNhwc)));
  }
  LayerPart gemm;
  gemm.op = Op::gemm;
  gemm.attributes.set("transB", std::int64_t{1});
  for (const std::int64_t n : {10, 42}) {
    cases.push_back(
        make_case(kIsX86 && n < 32 ? "gemm.packed_few.f32.xnnpack" : "gemm.packed.f32.xnnpack", gemm,
                  {tensor({3, 33}, kNhwc), tensor({n, 33}, kNhwc, true), tensor({n}, kNhwc, true)},
                  tensor({3, n}, kNhwc)));
  }
  cases.push_back(make_case("max_pool.indirect.f32.xnnpack", windowed(Op::max_pool, 3, 2, 1),
                            {tensor({1, 13, 9, 9}, kNhwc)}, tensor({1, 13, 5, 5}, kNhwc)));
  cases.push_back(make_case("average_pool.indirect.f32.xnnpack", windowed(Op::average_pool, 5, 2, 2),
                            {tensor({1, 13, 9, 9}, kNhwc)}, tensor({1, 13, 5, 5}, kNhwc)));
  LayerPart part;
  part.op = Op::global_average_pool;
  cases.push_back(make_case("global_average_pool.direct.f32.xnnpack", part, {tensor({1, 13, 9, 9}, kNhwc)},
                            tensor({1, 13, 1, 1}, kNhwc)));
  part.op = Op::softmax;
  part.attributes.set("axis", std::int64_t{1});
  cases.push_back(
      make_case("softmax.rows.f32.xnnpack", part, {tensor({3, 37}, kNhwc)}, tensor({3, 37}, kNhwc)));
  part.attributes = {};
  part.op = Op::sigmoid;
  part.clamp = Clamp{0.25F, 0.5F};
  cases.push_back(
      make_case("sigmoid.direct.f32.xnnpack", part, {tensor({3, 37}, kNhwc)}, tensor({3, 37}, kNhwc)));
  part.op = Op::add;
  cases.push_back(make_case("add.direct.f32.xnnpack", part,
                            {tensor({1, 13, 9, 9}, kNhwc), tensor({1, 13, 1, 1}, kNhwc, true)},
                            tensor({1, 13, 9, 9}, kNhwc)));
  part.op = Op::resize;
  part.attributes.set("mode", std::string("linear"));
  cases.push_back(make_case("resize.bilinear.f32.xnnpack", part, {tensor({1, 13, 9, 9}, kNhwc)},
                            tensor({1, 13, 18, 18}, kNhwc)));
  for (Case& sliced : sliced_cases()) cases.push_back(std::move(sliced));
  return cases;
}

/// 64-byte aligned bytes, as programs and workspaces have them.
class Bytes {
 public:
  explicit Bytes(std::size_t size) : storage_(size + 64), size_(size) {
    void* at = storage_.data();
    std::size_t space = storage_.size();
    data_ = static_cast<std::byte*>(std::align(64, size, at, space));
  }
  std::byte* data() const { return data_; }
  std::span<std::byte> span() const { return {data_, size_}; }

 private:
  std::vector<std::byte> storage_;
  std::size_t size_;
  std::byte* data_;
};

/// A kernel bound to its own buffers.
class Instance {
 public:
  Instance(const Case& c, std::span<const std::byte> packed, ThreadPool* pool, int threads)
      : kernel_(row(c.kernel)),
        workspace_(kernel_->workspace_bytes != nullptr ? kernel_->workspace_bytes(c.layer, threads) : 0),
        output_(dense_bytes(c.layer.outputs[0].shape, c.layer.outputs[0].format)) {
    for (std::size_t i = 0; i < c.inputs.size(); ++i) {
      Bytes& input = inputs_.emplace_back(c.inputs[i].size() * sizeof(float) + kernel_->overread_bytes);
      std::memcpy(input.data(), c.inputs[i].data(), c.inputs[i].size() * sizeof(float));
      addresses_.push_back(c.layer.inputs[i].constant ? nullptr : input.data());
    }
    auto bound = kernel_->bind({c.layer, packed, pool, threads});
    status = bound ? Status() : Status(bound.error());
    if (bound) bound_ = std::move(*bound);
    void* const out = output_.data();
    if (status) status = bound_->set_buffers(addresses_, {&out, 1}, workspace_.data());
  }

  Status run() { return bound_->run(); }
  std::span<const std::byte> output() const { return output_.span(); }

  Status status;

 private:
  const Kernel* kernel_;
  Bytes workspace_;
  Bytes output_;
  std::vector<Bytes> inputs_;
  std::vector<const void*> addresses_;
  std::unique_ptr<BoundKernel> bound_;
};

/// What `pack` writes for the case; empty without `pack`.
inline Result<Bytes> packed(const Case& c) {
  const Kernel* kernel = row(c.kernel);
  if (kernel->pack == nullptr) return Bytes(0);
  const std::vector<ConstantBytes> constants = c.constants();
  const Result<std::size_t> size = kernel->packed_bytes(c.layer, constants);
  if (!size) return size.error();
  Bytes bytes(*size);
  if (Status status = kernel->pack(c.layer, constants, bytes.span()); !status) return status.error();
  return bytes;
}

}  // namespace fettle::test

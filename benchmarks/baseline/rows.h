// SPDX-License-Identifier: Apache-2.0
//
// What the baseline's two rows share: a bound kernel around one function.
#pragma once

#include <fettle/kernel.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace fettle::benchmarks {

/// One bound layer, as the function that computes it sees it.
class Call {
 public:
  explicit Call(const BindArgs& args)
      : layer_(args.layer), packed_(args.packed), pool_(args.pool), threads_(args.threads) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    bounds_ = layer_.main().clamp.value_or(Clamp{-kInfinity, kInfinity});
  }
  void set_buffers(const void* input, void* output, void* workspace) {
    input_ = static_cast<const float*>(input);
    output_ = static_cast<float*>(output);
    workspace_ = static_cast<float*>(workspace);
  }
  const LayerDesc& layer() const { return layer_; }
  const float* weights() const { return reinterpret_cast<const float*>(packed_.data()); }
  const float* input() const { return input_; }
  float* output() const { return output_; }
  float* workspace() const { return workspace_; }

  void clamp(float* values, std::int64_t count) const {
    if (!layer_.main().clamp) return;
    for (std::int64_t i = 0; i < count; ++i)
      values[i] = std::min(std::max(values[i], bounds_.low), bounds_.high);
  }
  /// Calls body(first, last) for equal shares of [0, range), one a thread, each a multiple of 16 but the
  /// last.
  template <typename Body>
  void share(std::int64_t range, Body&& body) const {
    const std::int64_t step = ((range + threads_ - 1) / threads_ + 15) / 16 * 16;
    parallel_for(pool_, threads_, (range + step - 1) / step, [&](std::int64_t begin, std::int64_t end, int) {
      body(begin * step, std::min(range, end * step));
    });
  }

 private:
  LayerDesc layer_;
  std::span<const std::byte> packed_;
  ThreadPool* pool_;
  int threads_;
  Clamp bounds_{};
  const float* input_ = nullptr;
  float* output_ = nullptr;
  float* workspace_ = nullptr;
};

template <void (*compute)(const Call&)>
class Bound final : public BoundKernel {
 public:
  explicit Bound(const BindArgs& args) : call_(args) {}
  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void* workspace) noexcept override {
    call_.set_buffers(inputs[0], outputs[0], workspace);
    return {};
  }
  Status run() noexcept override {
    compute(call_);
    return {};
  }

 private:
  Call call_;
};

template <void (*compute)(const Call&)>
Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  return std::unique_ptr<BoundKernel>(std::make_unique<Bound<compute>>(args));
}

/// 32-bit floats, a computed input, constant weights and bias, nothing empty.
inline Refusal check_f32(const LayerDesc& layer) {
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    if (layer.inputs[i].format.type != DataType::f32) return Refusal::data_type;
    if (layer.inputs[i].constant != (i > 0)) return i > 0 ? Refusal::not_constant : Refusal::constant;
    if (layer.inputs[i].shape.elements() == 0) return Refusal::shape;
  }
  return layer.outputs[0].shape.elements() == 0 ? Refusal::shape : Refusal::none;
}

const Kernel& conv_row() noexcept;
const Kernel& caffe_conv_row() noexcept;
const Kernel& dense_row() noexcept;

}  // namespace fettle::benchmarks

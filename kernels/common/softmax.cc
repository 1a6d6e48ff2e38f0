// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/softmax.h"

#include "kernels/common/uniform.h"

namespace fettle::kernels {
namespace {

// Whether no other axis of more than one extent lies inside this one.
bool is_innermost(int axis, const TensorDesc& tensor) noexcept {
  const bool channels_last = tensor.format.layout == Layout::nhwc && tensor.shape.rank() >= 3;
  if (channels_last && axis == 1) return true;
  for (int inside = axis + 1; inside < tensor.shape.rank(); ++inside) {
    if (tensor.shape[inside] != 1) return false;
  }
  return !channels_last || tensor.shape[1] == 1;
}

class BoundSoftmax final : public BoundKernel {
 public:
  BoundSoftmax(const SoftmaxSet& set, const BindArgs& args)
      : kernel_(set.kernel), pool_(args.pool), threads_(args.threads) {
    const Shape& shape = args.layer.outputs[0].shape;
    length_ = shape[static_cast<int>(args.layer.main().attributes.integer("axis"))];
    rows_ = shape.elements() / length_;
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    parallel_for(pool_, threads_, rows_, [&](std::int64_t begin, std::int64_t end, int) {
      kernel_({input_ + begin * length_, output_ + begin * length_, end - begin, length_});
    });
    return {};
  }

 private:
  void (*const kernel_)(const SoftmaxRows&) noexcept;
  ThreadPool* const pool_;
  const int threads_;
  std::int64_t rows_, length_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
};

}  // namespace

Refusal Softmax::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layer.inputs.size() != 1 || layer.operand(0) == nullptr) return Refusal::op;
  if (layer.inputs[0].constant) return Refusal::constant;
  if (layer.main().clamp) return Refusal::clamp;
  const TensorDesc& y = layer.outputs[0];
  if (layer.inputs[0].shape != y.shape || y.shape.elements() <= 0) return Refusal::shape;
  const std::int64_t axis = layer.main().attributes.integer("axis", -1);
  if (axis < 0 || axis >= y.shape.rank()) return Refusal::attribute;
  return is_innermost(static_cast<int>(axis), y) ? Refusal::none : Refusal::attribute;
}

Result<std::unique_ptr<BoundKernel>> Softmax::bind(const SoftmaxSet& set, const BindArgs& args) {
  return bind_as<BoundSoftmax>(set, args);
}

}  // namespace fettle::kernels

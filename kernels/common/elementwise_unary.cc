// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/elementwise_unary.h"

#include "kernels/common/nhwc.h"
#include "kernels/common/uniform.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

// Numbers that a thread takes at a time.
constexpr std::int64_t kElementwiseUnaryBlock = 4096;

std::size_t index_of(Op op) noexcept {
  return static_cast<std::size_t>(std::find(std::begin(kUnaryOps), std::end(kUnaryOps), op) -
                                  std::begin(kUnaryOps));
}

class BoundUnary final : public BoundKernel {
 public:
  BoundUnary(const UnarySet& set, const BindArgs& args)
      : function_(set, args.layer.main()), pool_(args.pool), threads_(args.threads) {
    const TensorDesc& x = *args.layer.operand(0);
    const TensorDesc& y = args.layer.outputs[0];
    numbers_ = y.shape.elements();
    // Dense tensors are one long row, cut into blocks.
    dense_ = x.dense() && y.dense();
    function_.rows.length = dense_ ? std::min(numbers_, kElementwiseUnaryBlock) : y.shape[1];
    function_.rows.x_pitch = dense_ ? kElementwiseUnaryBlock : pixel_pitch(x);
    function_.rows.y_pitch = dense_ ? kElementwiseUnaryBlock : pixel_pitch(y);
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    function_.rows.x = static_cast<const float*>(inputs[0]);
    function_.rows.y = static_cast<float*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t length = function_.rows.length;
    parallel_for(
        pool_, threads_, (numbers_ + length - 1) / length, [&](std::int64_t begin, std::int64_t end, int) {
          UnaryRows rows = function_.rows;
          rows.x += begin * rows.x_pitch;
          rows.y += begin * rows.y_pitch;
          rows.rows = dense_ ? 1 : end - begin;
          if (dense_)
            rows.length = std::min(numbers_, end * kElementwiseUnaryBlock) - begin * kElementwiseUnaryBlock;
          function_.kernel(rows);
        });
    return {};
  }

 private:
  UnaryFunction function_;
  ThreadPool* const pool_;
  const int threads_;
  std::int64_t numbers_;
  bool dense_;
};

}  // namespace

UnaryFunction::UnaryFunction(const UnarySet& set, const LayerPart& part) noexcept
    : kernel(set.kernels[index_of(part.op)]), rows{} {
  const bool clamps = part.op == Op::clamp;
  rows.a = part.attributes.real(clamps ? "min" : "alpha");
  rows.b = part.attributes.real(clamps ? "max" : "beta");
}

Refusal check_unary_part(const LayerPart& part) noexcept {
  if (index_of(part.op) == kUnaryCount || part.operands.size() != 1) return Refusal::op;
  // Instruction sets differ in what they make of bounds that are not numbers.
  if (part.op == Op::clamp && !(part.attributes.real("min") <= part.attributes.real("max")))
    return Refusal::attribute;
  return part.clamp ? Refusal::clamp : Refusal::none;
}

Refusal Unary::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_unary_part(layer.main()); refusal != Refusal::none) return refusal;
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  if (layer.inputs.size() != 1 || layer.operand(0) == nullptr) return Refusal::op;
  if (layer.inputs[0].constant) return Refusal::constant;
  const Shape& shape = layer.outputs[0].shape;
  return shape == layer.inputs[0].shape && shape.elements() > 0 ? Refusal::none : Refusal::shape;
}

Result<std::unique_ptr<BoundKernel>> Unary::bind(const UnarySet& set, const BindArgs& args) {
  return bind_as<BoundUnary>(set, args);
}

}  // namespace fettle::kernels

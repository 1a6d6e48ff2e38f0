// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/elementwise_binary.h"

#include "kernels/common/broadcast.h"
#include "kernels/common/uniform.h"

#include <algorithm>

namespace fettle::kernels {
namespace {

// Numbers of a long row that a thread takes at a time.
constexpr std::int64_t kElementwiseBinaryBlock = 4096;

// Equal steps of both operands count as `none`.
Single single_of(const Loops& loops) noexcept {
  const std::size_t inner = loops.inner();
  if (loops.step_a[inner] == loops.step_b[inner]) return Single::none;
  return loops.step_a[inner] == 0 ? Single::a : Single::b;
}

class BoundBinary final : public BoundKernel {
 public:
  BoundBinary(const BinarySet& set, const BindArgs& args)
      : loops_(plan_loops(args.layer)), pool_(args.pool), threads_(args.threads) {
    const LayerPart& part = args.layer.main();
    const auto op = std::find(std::begin(kBinaryOps), std::end(kBinaryOps), part.op);
    kernel_ = set.kernels[static_cast<std::size_t>(op - std::begin(kBinaryOps))]
                         [static_cast<std::size_t>(single_of(loops_))];
    operand_a_ = static_cast<std::size_t>(part.operands[0]);
    operand_b_ = static_cast<std::size_t>(part.operands[1]);
    for (std::size_t loop = 0; loop < loops_.inner(); ++loop) lines_ *= loops_.extent[loop];
    common_.rows = 1;
    common_.length = loops_.length();
    common_.clamp = clamp_of(part);
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    common_.a = static_cast<const float*>(inputs[operand_a_]);
    common_.b = static_cast<const float*>(inputs[operand_b_]);
    common_.y = static_cast<float*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    // One long row is cut into blocks; many rows are shared out whole.
    if (loops_.count < 2) {
      parallel_for(pool_, threads_, (common_.length + kElementwiseBinaryBlock - 1) / kElementwiseBinaryBlock,
                   [&](std::int64_t begin, std::int64_t end, int) {
                     run_stretch(begin * kElementwiseBinaryBlock,
                                 std::min(common_.length, end * kElementwiseBinaryBlock));
                   });
      return {};
    }
    const std::int64_t rows = loops_.extent[loops_.inner() - 1];
    parallel_for(pool_, threads_, lines_, [&](std::int64_t begin, std::int64_t end, int) {
      while (begin < end) {
        const std::int64_t last = std::min(end, (begin / rows + 1) * rows);
        run_lines(begin, last);
        begin = last;
      }
    });
    return {};
  }

 private:
  void run_stretch(std::int64_t first, std::int64_t last) const noexcept {
    BinaryRows rows = common_;
    rows.a += first * loops_.step_a[0];
    rows.b += first * loops_.step_b[0];
    rows.y += first * loops_.step_y[0];
    rows.length = last - first;
    kernel_(rows);
  }

  // Lines within one run of the loop around them.
  void run_lines(std::int64_t begin, std::int64_t end) const noexcept {
    const Loops::Place place = loops_.line(begin);
    const std::size_t around = loops_.inner() - 1;
    BinaryRows rows = common_;
    rows.a += place.a;
    rows.b += place.b;
    rows.y += place.y;
    rows.a_pitch = loops_.step_a[around];
    rows.b_pitch = loops_.step_b[around];
    rows.y_pitch = loops_.step_y[around];
    rows.rows = end - begin;
    kernel_(rows);
  }

  const Loops loops_;
  BinaryKernel kernel_;
  ThreadPool* const pool_;
  const int threads_;
  std::size_t operand_a_, operand_b_;
  std::int64_t lines_ = 1;
  BinaryRows common_{};
};

// Whether an operand's extents are the result's or 1.
bool broadcasts(const Shape& operand, const Shape& result) noexcept {
  const int missing = result.rank() - operand.rank();
  if (missing < 0) return false;
  for (int axis = 0; axis < operand.rank(); ++axis) {
    if (operand[axis] != 1 && operand[axis] != result[axis + missing]) return false;
  }
  return true;
}

}  // namespace

Refusal Binary::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = uniform_f32(layer); refusal != Refusal::none) return refusal;
  const LayerPart& part = layer.main();
  if (part.operands.size() != 2 || layer.operand(0) == nullptr || layer.operand(1) == nullptr)
    return Refusal::op;
  const TensorDesc& y = layer.outputs[0];
  if (y.shape.elements() <= 0 || !broadcasts(layer.operand(0)->shape, y.shape) ||
      !broadcasts(layer.operand(1)->shape, y.shape))
    return Refusal::shape;
  if (!ranks_fit(layer, y.format.layout)) return Refusal::rank;
  const Clamp clamp = clamp_of(part);
  if (!(clamp.low <= clamp.high)) return Refusal::clamp;
  const Loops loops = plan_loops(layer);
  if (loops.count == 0) return Refusal::none;
  const std::size_t inner = loops.inner();
  if (loops.step_y[inner] != 1) return Refusal::strides;
  const std::int64_t a = loops.step_a[inner];
  const std::int64_t b = loops.step_b[inner];
  return (a == 0 || a == 1) && (b == 0 || b == 1) && a + b > 0 ? Refusal::none : Refusal::layout;
}

Result<std::unique_ptr<BoundKernel>> Binary::bind(const BinarySet& set, const BindArgs& args) {
  return bind_as<BoundBinary>(set, args);
}

}  // namespace fettle::kernels

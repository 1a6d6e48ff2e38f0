// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators of two operands with broadcasting: one bound kernel for all of them, a row for each.
//
// Both operands are described to XNNPACK as dense boxes in the memory order of the result. A constant is
// brought into that order by `pack`, which also leaves room behind it for XNNPACK to read past its end.
#include "kernels/xnnpack/binary.h"

#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/rows.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace fettle::kernels::xnnpack {
namespace {

xnn_binary_operator type_of(Op op) noexcept {
  switch (op) {
    case Op::add:
      return xnn_binary_add;
    case Op::sub:
      return xnn_binary_subtract;
    case Op::mul:
      return xnn_binary_multiply;
    case Op::div:
      return xnn_binary_divide;
    case Op::max:
      return xnn_binary_maximum;
    case Op::min:
      return xnn_binary_minimum;
    case Op::prelu:
      return xnn_binary_prelu;
    default:
      return xnn_binary_invalid;
  }
}

// Lays the operand out along the axes of the result. Activations must lie in memory as the result does.
Refusal read_box(const TensorDesc& operand, const TensorDesc& result, Box& box) noexcept {
  const int rank = result.shape.rank();
  const int missing = rank - operand.shape.rank();
  if (missing < 0) return Refusal::rank;
  const std::array<int, kMaxRank> order = storage_order(rank, result.format.layout);
  for (int i = 0; i < rank; ++i) {
    const int result_axis = order[static_cast<std::size_t>(i)];
    const int axis = result_axis - missing;
    const std::int64_t extent = axis >= 0 ? operand.shape[axis] : 1;
    if (extent != 1 && extent != result.shape[result_axis]) return Refusal::shape;
    if (result.shape[result_axis] == 1) continue;
    if (box.rank == kMaxDimensions) return Refusal::rank;
    box.extent[box.rank] = static_cast<std::size_t>(extent);
    box.axis[box.rank] = axis >= 0 ? axis : -1;
    ++box.rank;
  }
  if (operand.constant) return Refusal::none;
  std::int64_t inside = 1;
  for (std::size_t i = box.rank; i-- > 0;) {
    if (box.extent[i] == 1) continue;
    if (operand.strides[static_cast<std::size_t>(box.axis[i])] != inside) return Refusal::layout;
    inside *= static_cast<std::int64_t>(box.extent[i]);
  }
  return Refusal::none;
}

// A scalar has no axis left; XNNPACK wants one.
void add_axis_if_none(Box& box) noexcept {
  if (box.rank != 0) return;
  box.extent[0] = 1;
  box.axis[0] = -1;
  box.rank = 1;
}

}  // namespace

Refusal read_binary(const LayerDesc& layer, Binary& binary, DataType type) {
  if (layer.parts.size() != 1) return Refusal::op;
  binary.type = type_of(layer.main().op);
  if (binary.type == xnn_binary_invalid) return Refusal::op;
  if (Refusal no = check_pattern(layer, layer.main().op, 2); no != Refusal::none) return no;
  if (layer.main().operands.size() != 2) return Refusal::shape;
  const TensorDesc& result = layer.outputs[0];
  if (Refusal no = check_dense(result, type); no != Refusal::none) return no;
  std::array<const TensorDesc*, 2> operands = {layer.operand(0), layer.operand(1)};
  if (operands[0]->constant && operands[1]->constant) return Refusal::constant;
  for (std::size_t i = 0; i < 2; ++i) {
    if (Refusal no = check_dense(*operands[i], type); no != Refusal::none) return no;
    if (Refusal no = read_box(*operands[i], result, binary.operand[i]); no != Refusal::none) return no;
  }
  // Together they must span the result.
  for (std::size_t i = 0; i < binary.operand[0].rank; ++i) {
    if (binary.operand[0].extent[i] == 1 && binary.operand[1].extent[i] == 1) return Refusal::shape;
  }
  for (Box& box : binary.operand) add_axis_if_none(box);
  binary.elements = static_cast<std::size_t>(result.shape.elements());
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

std::size_t constant_operand(const LayerDesc& layer) noexcept {
  for (std::size_t i = 0; i < 2; ++i) {
    if (layer.operand(i)->constant) return i;
  }
  return 2;
}

namespace {

template <Op kOp>
Refusal supports(const LayerDesc& layer, const Cpu&) {
  if (Refusal no = check_pattern(layer, kOp, 2); no != Refusal::none) return no;
  Binary binary;
  return read_binary(layer, binary);
}

std::size_t constant_bytes(const Box& box) noexcept {
  return box.elements() * sizeof(float) + kOverreadBytes;
}

Result<std::size_t> packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes>) {
  Binary binary;
  if (read_binary(layer, binary) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  const std::size_t which = constant_operand(layer);
  return which == 2 ? std::size_t{0} : constant_bytes(binary.operand[which]);
}

Status pack(const LayerDesc& layer, std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  Binary binary;
  if (read_binary(layer, binary) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  const std::size_t which = constant_operand(layer);
  if (which == 2) return {};
  const Box& box = binary.operand[which];
  if (packed.size() != constant_bytes(box)) return kernel_failed("wrong number of packed bytes");
  std::fill(packed.begin(), packed.end(), std::byte{0});
  put_in_order(*layer.operand(which), box,
               reinterpret_cast<const float*>(constants[input_index(layer, which)].data()),
               reinterpret_cast<float*>(packed.data()));
  return {};
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept
      : BoundOperator(args), input_{input_index(args.layer, 0), input_index(args.layer, 1)} {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Binary binary;
    if (read_binary(args.layer, binary) != Refusal::none)
      return check(xnn_status_unsupported_parameter, "bind");
    if (const std::size_t which = constant_operand(args.layer); which != 2) {
      if (args.packed.size() != constant_bytes(binary.operand[which])) {
        return kernel_failed("wrong number of packed bytes");
      }
      constant_[which] = args.packed.data();
    }
    const xnn_status status = xnn_create_binary_elementwise_nd(binary.type, xnn_datatype_fp32, nullptr,
                                                               nullptr, nullptr, 0, op_.out());
    if (Status created = check_created(status, op_); !created) return created;
    const Box& a = binary.operand[0];
    const Box& b = binary.operand[1];
    const xnn_status shaped = xnn_reshape_binary_elementwise_nd(op_.get(), a.rank, a.extent.data(), b.rank,
                                                                b.extent.data(), &threads_);
    if (Status done = check(shaped, "reshape an operator"); !done) return done;
    add_clamp(args.layer, binary.elements);
    return {};
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    const void* a = constant_[0] != nullptr ? constant_[0] : inputs[input_[0]];
    const void* b = constant_[1] != nullptr ? constant_[1] : inputs[input_[1]];
    return check(xnn_setup_binary_elementwise_nd(op_.get(), a, b, set_output(outputs[0])),
                 "set up an operator");
  }

 private:
  std::array<std::size_t, 2> input_;
  std::array<const void*, 2> constant_{};
};

Result<std::unique_ptr<BoundKernel>> bind(const BindArgs& args) {
  std::unique_ptr<Bound> bound(new (std::nothrow) Bound(args));
  if (bound == nullptr) return out_of_memory();
  Status status = bound->prepare(args);
  return bound_or_error(std::move(bound), std::move(status));
}

template <Op kOp>
constexpr Op kPattern[] = {kOp};

template <Op kOp>
constexpr Kernel row(std::string_view name) noexcept {
  return {
      .name = name,
      .revision = 1,
      .pattern = kPattern<kOp>,
      .isa = kRequiredIsa,
      .type = DataType::f32,
      .layouts = kSameLayout,
      .overread_bytes = kOverreadBytes,
      .in_place = 3,
      .threaded = true,
      .supports = supports<kOp>,
      .workspace_bytes = nullptr,
      .packed_bytes = packed_bytes,
      .pack = pack,
      .bind = bind,
  };
}

}  // namespace

constinit const Kernel kAdd = row<Op::add>("add.direct.f32.xnnpack");
constinit const Kernel kSub = row<Op::sub>("sub.direct.f32.xnnpack");
constinit const Kernel kMul = row<Op::mul>("mul.direct.f32.xnnpack");
constinit const Kernel kDiv = row<Op::div>("div.direct.f32.xnnpack");
constinit const Kernel kMax = row<Op::max>("max.direct.f32.xnnpack");
constinit const Kernel kMin = row<Op::min>("min.direct.f32.xnnpack");
constinit const Kernel kPrelu = row<Op::prelu>("prelu.direct.f32.xnnpack");

}  // namespace fettle::kernels::xnnpack

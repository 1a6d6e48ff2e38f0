// SPDX-License-Identifier: Apache-2.0
//
// Elementwise operators of two operands with broadcasting, of floats; and quantised addition and
// multiplication.
//
// Both operands are described to XNNPACK as dense boxes in the memory order of the result. A constant is
// brought into that order by `pack`, which also leaves room behind it for XNNPACK to read past its end.
#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/operation.h"
#include "kernels/xnnpack/quantised.h"

#include <algorithm>
#include <array>

namespace fettle::kernels::xnnpack {
namespace {

// XNNPACK's own limit.
constexpr std::size_t kMaxDimensions = XNN_MAX_TENSOR_DIMS;

// An operand's extents in the memory order of the result, axes of extent 1 in the result left out.
struct Box {
  std::array<std::size_t, kMaxDimensions> extent{};
  std::array<int, kMaxDimensions> axis{};  // the operand's own axis, or -1 where it has none
  std::size_t rank = 0;

  std::size_t elements() const noexcept {
    std::size_t product = 1;
    for (std::size_t i = 0; i < rank; ++i) product *= extent[i];
    return product;
  }
};

// Copies a row-major constant into the order of the box.
template <typename T>
void put_in_order(const TensorDesc& constant, const Box& box, const T* from, T* to) noexcept {
  std::array<std::size_t, kMaxRank> stride{};
  std::size_t inside = 1;
  for (int axis = constant.shape.rank() - 1; axis >= 0; --axis) {
    stride[static_cast<std::size_t>(axis)] = inside;
    inside *= static_cast<std::size_t>(constant.shape[axis]);
  }
  std::array<std::size_t, kMaxDimensions> at{};
  std::size_t offset = 0;
  for (std::size_t done = 0, count = box.elements(); done < count; ++done) {
    to[done] = from[offset];
    for (std::size_t i = box.rank; i-- > 0;) {
      const std::size_t step = box.axis[i] < 0 ? 0 : stride[static_cast<std::size_t>(box.axis[i])];
      offset += step;
      if (++at[i] < box.extent[i]) break;
      offset -= step * box.extent[i];
      at[i] = 0;
    }
  }
}

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

struct Binary : Operation {
  static constexpr std::size_t kOperands = 2;
  static constexpr std::uint32_t kInPlace = 3;

  /// Reads a layer whose operands and result have that type.
  Refusal read_as(const LayerDesc& layer, DataType type);
  bool has_constant() const noexcept { return constant < operand.size(); }
  std::size_t packed_bytes() const noexcept {
    return has_constant() ? operand[constant].elements() * element_bytes + kOverreadBytes : 0;
  }
  xnn_status reshape(xnn_operator_t op, std::size_t&, pthreadpool_t threads) const noexcept {
    const Box& a = operand[0];
    const Box& b = operand[1];
    return xnn_reshape_binary_elementwise_nd(op, a.rank, a.extent.data(), b.rank, b.extent.data(), threads);
  }
  xnn_status set_up(xnn_operator_t op, const Addresses& at) const noexcept {
    return xnn_setup_binary_elementwise_nd(op, constant == 0 ? at.packed : at.operand[0],
                                           constant == 1 ? at.packed : at.operand[1], at.output);
  }

  xnn_binary_operator type = xnn_binary_invalid;
  std::array<Box, 2> operand;
  std::size_t constant = 2;  // the operand that is, or 2
  std::size_t elements = 0;  // of the result
  std::size_t element_bytes = 0;
};

Refusal Binary::read_as(const LayerDesc& layer, DataType type_wanted) {
  type = type_of(layer.main().op);
  if (layer.main().operands.size() != 2) return Refusal::shape;
  const TensorDesc& result = layer.outputs[0];
  if (Refusal no = check_dense(result, type_wanted); no != Refusal::none) return no;
  const std::array<const TensorDesc*, 2> operands = {layer.operand(0), layer.operand(1)};
  if (operands[0]->constant && operands[1]->constant) return Refusal::constant;
  for (std::size_t i = 0; i < 2; ++i) {
    if (Refusal no = check_dense(*operands[i], type_wanted); no != Refusal::none) return no;
    if (Refusal no = read_box(*operands[i], result, operand[i]); no != Refusal::none) return no;
    if (operands[i]->constant) constant = i;
  }
  // Together they must span the result.
  for (std::size_t i = 0; i < operand[0].rank; ++i) {
    if (operand[0].extent[i] == 1 && operand[1].extent[i] == 1) return Refusal::shape;
  }
  for (Box& box : operand) add_axis_if_none(box);
  elements = static_cast<std::size_t>(result.shape.elements());
  element_bytes = type_wanted == DataType::f32 ? sizeof(float) : 1;
  return clamp_is_valid(layer) ? Refusal::none : Refusal::clamp;
}

struct BinaryF32 : Binary {
  Refusal read(const LayerDesc& layer) { return read_as(layer, DataType::f32); }
  xnn_status create(const LayerDesc&, Operator& op) const noexcept {
    return xnn_create_binary_elementwise_nd(type, xnn_datatype_fp32, nullptr, nullptr, nullptr, 0, op.out());
  }
  std::size_t unclamped() const noexcept { return elements; }
};

// XNNPACK adds with factors of 2^-10 to 2^8, and multiplies with 2^-16 to 2^8.
bool scales_fit(const LayerDesc& layer) noexcept {
  const TensorDesc& y = layer.outputs[0];
  const double a = scale_ratio(*layer.operand(0), y);
  const double b = scale_ratio(*layer.operand(1), y);
  const auto within = [](double factor, double least) { return factor >= least && factor < 255.9; };
  if (layer.main().op == Op::mul)
    return within(a * static_cast<double>(layer.operand(1)->format.scale), 0x1.01p-16);
  return within(a, 0x1.01p-10) && within(b, 0x1.01p-10);
}

struct BinaryQ8 : Binary {
  static constexpr DataType kType = DataType::undefined;

  Refusal read(const LayerDesc& layer) {
    const DataType stored = layer.outputs[0].format.type;
    if (Refusal no = check_quantised(layer, stored); no != Refusal::none) return no;
    if (Refusal no = read_as(layer, stored); no != Refusal::none) return no;
    if (!scales_fit(layer)) return Refusal::attribute;
    return range_is_full(layer) ? Refusal::none : Refusal::clamp;
  }
  xnn_status create(const LayerDesc& layer, Operator& op) const noexcept {
    const xnn_quantization_params a = quantization_of(layer.operand(0)->format);
    const xnn_quantization_params b = quantization_of(layer.operand(1)->format);
    const xnn_quantization_params y = quantization_of(layer.outputs[0].format);
    return xnn_create_binary_elementwise_nd(type, datatype_of(layer.outputs[0].format.type), &a, &b, &y, 0,
                                            op.out());
  }
};

template <typename Special>
Result<std::size_t> packed_constant_bytes(const LayerDesc& layer, std::span<const ConstantBytes>) {
  Special special;
  if (special.read(layer) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  return special.packed_bytes();
}

template <typename Special>
Status pack_constant(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                     std::span<std::byte> packed) {
  Special special;
  if (special.read(layer) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  if (packed.size() != special.packed_bytes()) return kernel_failed("wrong number of packed bytes");
  if (!special.has_constant()) return {};
  std::fill(packed.begin(), packed.end(), std::byte{0});
  const std::byte* from = constants[input_index(layer, special.constant)].data();
  const TensorDesc& constant = *layer.operand(special.constant);
  const Box& box = special.operand[special.constant];
  if (special.element_bytes == 1) {
    put_in_order(constant, box, from, packed.data());
  } else {
    put_in_order(constant, box, reinterpret_cast<const float*>(from),
                 reinterpret_cast<float*>(packed.data()));
  }
  return {};
}

// Only what `pack` writes may be bound.
template <typename Special>
Result<std::unique_ptr<BoundKernel>> bind_checked(const BindArgs& args) {
  Special special;
  if (special.read(args.layer) == Refusal::none && args.packed.size() != special.packed_bytes())
    return kernel_failed("wrong number of packed bytes");
  return bind<Bound<Special>>(args);
}

template <typename Special, Op kOp>
constexpr Kernel binary_entry(std::string_view name) noexcept {
  Kernel kernel = entry<Special, kOp>(name, kNchwNhwc<Special::kType>);
  kernel.packed_bytes = packed_constant_bytes<Special>;
  kernel.pack = pack_constant<Special>;
  kernel.packed_for_any_size = true;
  kernel.bind = bind_checked<Special>;
  return if_selected(kernel);
}

}  // namespace

constinit const Kernel kAdd = binary_entry<BinaryF32, Op::add>("add.direct.f32.xnnpack");
constinit const Kernel kSub = binary_entry<BinaryF32, Op::sub>("sub.direct.f32.xnnpack");
constinit const Kernel kMul = binary_entry<BinaryF32, Op::mul>("mul.direct.f32.xnnpack");
constinit const Kernel kDiv = binary_entry<BinaryF32, Op::div>("div.direct.f32.xnnpack");
constinit const Kernel kMax =
    with_nonfinite(kLosesNanOnX86, binary_entry<BinaryF32, Op::max>("max.direct.f32.xnnpack"));
constinit const Kernel kMin =
    with_nonfinite(kLosesNanOnX86, binary_entry<BinaryF32, Op::min>("min.direct.f32.xnnpack"));
// On Arm, -0 times an infinite slope is NaN.
constinit const Kernel kPrelu =
    with_nonfinite(kIsX86 ? NonFinite::exact : NonFinite::spreads_in_tile,
                   binary_entry<BinaryF32, Op::prelu>("prelu.direct.f32.xnnpack"));

constinit const Kernel kAddQ8 = binary_entry<BinaryQ8, Op::add>("add.direct.q8.xnnpack");
constinit const Kernel kMulQ8 = binary_entry<BinaryQ8, Op::mul>("mul.direct.q8.xnnpack");

}  // namespace fettle::kernels::xnnpack

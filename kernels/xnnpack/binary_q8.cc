// SPDX-License-Identifier: Apache-2.0
//
// Quantised addition and multiplication.
#include "kernels/xnnpack/binary.h"
#include "kernels/xnnpack/elementwise.h"
#include "kernels/xnnpack/operator.h"
#include "kernels/xnnpack/pixels.h"
#include "kernels/xnnpack/quantised.h"
#include "kernels/xnnpack/rows.h"

#include <algorithm>
#include <new>

namespace fettle::kernels::xnnpack {
namespace {

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

Refusal read(const LayerDesc& layer, Binary& binary) {
  if (layer.outputs.size() != 1) return Refusal::op;
  const DataType type = layer.outputs[0].format.type;
  if (Refusal no = check_quantised(layer, type); no != Refusal::none) return no;
  if (Refusal no = read_binary(layer, binary, type); no != Refusal::none) return no;
  if (!scales_fit(layer)) return Refusal::attribute;
  return range_is_full(layer) ? Refusal::none : Refusal::clamp;
}

template <Op kOp>
Refusal supports(const LayerDesc& layer, const Cpu&) {
  if (Refusal no = check_pattern(layer, kOp, 2); no != Refusal::none) return no;
  Binary binary;
  return read(layer, binary);
}

std::size_t constant_bytes(const Box& box) noexcept { return box.elements() + kOverreadBytes; }

Result<std::size_t> packed_bytes(const LayerDesc& layer, std::span<const ConstantBytes>) {
  Binary binary;
  if (read(layer, binary) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  const std::size_t which = constant_operand(layer);
  return which == 2 ? std::size_t{0} : constant_bytes(binary.operand[which]);
}

Status pack(const LayerDesc& layer, std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  Binary binary;
  if (read(layer, binary) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  const std::size_t which = constant_operand(layer);
  if (which == 2) return {};
  const Box& box = binary.operand[which];
  if (packed.size() != constant_bytes(box)) return kernel_failed("wrong number of packed bytes");
  std::fill(packed.begin(), packed.end(), std::byte{0});
  put_in_order(*layer.operand(which), box, constants[input_index(layer, which)].data(), packed.data());
  return {};
}

class Bound final : public BoundOperator {
 public:
  explicit Bound(const BindArgs& args) noexcept
      : BoundOperator(args), input_{input_index(args.layer, 0), input_index(args.layer, 1)} {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    Binary binary;
    if (read(args.layer, binary) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    if (const std::size_t which = constant_operand(args.layer); which != 2) {
      if (args.packed.size() != constant_bytes(binary.operand[which]))
        return kernel_failed("wrong number of packed bytes");
      constant_[which] = args.packed.data();
    }
    const xnn_quantization_params a = quantization_of(args.layer.operand(0)->format);
    const xnn_quantization_params b = quantization_of(args.layer.operand(1)->format);
    const xnn_quantization_params y = quantization_of(args.layer.outputs[0].format);
    const xnn_status status = xnn_create_binary_elementwise_nd(
        binary.type, datatype_of(args.layer.outputs[0].format.type), &a, &b, &y, 0, op_.out());
    if (Status created = check_created(status, op_); !created) return created;
    const Box& left = binary.operand[0];
    const Box& right = binary.operand[1];
    return check(xnn_reshape_binary_elementwise_nd(op_.get(), left.rank, left.extent.data(), right.rank,
                                                   right.extent.data(), &threads_),
                 "reshape an operator");
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    const void* a = constant_[0] != nullptr ? constant_[0] : inputs[input_[0]];
    const void* b = constant_[1] != nullptr ? constant_[1] : inputs[input_[1]];
    return check(xnn_setup_binary_elementwise_nd(op_.get(), a, b, outputs[0]), "set up an operator");
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
      .type = DataType::undefined,
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

constinit const Kernel kAddQ8 = row<Op::add>("add.direct.q8.xnnpack");
constinit const Kernel kMulQ8 = row<Op::mul>("mul.direct.q8.xnnpack");

}  // namespace fettle::kernels::xnnpack

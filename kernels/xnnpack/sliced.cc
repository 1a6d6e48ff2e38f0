// SPDX-License-Identifier: Apache-2.0
//
// A product with many weights as several with fewer. XNNPACK's matrix products read all weights for every few
// rows (pixels) of the output. Where they are more than the L2 cache keeps, they come from further away each
// time; a slice of output channels whose weights do stay in the cache is read from there for all rows. Each
// slice is an operator of its own that writes its channels where they end up, and makes every number as it is
// made without slices. Slices run one after the other, each with all threads, so that cores which share a
// cache share what is in it.
#include "kernels/xnnpack/convolution.h"
#include "kernels/xnnpack/entries.h"
#include "kernels/xnnpack/gemm.h"

#include <algorithm>
#include <cstring>

namespace fettle::kernels::xnnpack {
namespace {

// The L2 cache of the fastest cores; something in the middle where the system does not tell.
std::size_t l2_bytes(const Cpu& cpu) noexcept {
  constexpr std::size_t kUnknown = std::size_t{1} << 20;
  const std::size_t known = cpu.cores.empty() ? 0 : cpu.cores.front().l2_bytes;
  return known != 0 ? known : kUnknown;
}

// Measured with 2 MiB of L2: slices of a quarter of it are best, and pay from five eighths of weights on.
std::size_t slice_bytes(const Cpu& cpu) noexcept { return l2_bytes(cpu) / 4; }
std::size_t least_weight_bytes(const Cpu& cpu) noexcept { return l2_bytes(cpu) / 8 * 5; }
// No micro-kernel of floats computes more outputs at once.
std::size_t tile_outputs(const Cpu& cpu) noexcept { return has_all(cpu.isa, Isa::avx512f) ? 32 : 16; }
// So many rows most micro-kernels compute at once, reading the weights a single time.
constexpr std::size_t kRowsAtOnce = 8;

// How packed weights lie: a header, then slice after slice, all but the last of one size. The header says it,
// so that what was packed for one cache is bound beside another.
struct SliceLayout {
  std::size_t outputs = 0;     // in all
  std::size_t count = 0;       // of slices
  std::size_t width = 0;       // of a slice, in outputs
  std::size_t bytes = 0;       // of a slice
  std::size_t last_bytes = 0;  // of the last one

  std::size_t first(std::size_t slice) const noexcept { return slice * width; }
  std::size_t width_of(std::size_t slice) const noexcept {
    return slice + 1 == count ? outputs - first(slice) : width;
  }
  std::size_t packed_bytes() const noexcept { return kPackedHeaderBytes + (count - 1) * bytes + last_bytes; }
  template <typename Byte>
  std::span<Byte> of(std::span<Byte> packed, std::size_t slice) const noexcept {
    return packed.subspan(kPackedHeaderBytes + slice * bytes, slice + 1 == count ? last_bytes : bytes);
  }
};

constexpr std::uint32_t kMagic = 0x534e4e58;  // "XNNS"

struct Header {
  std::uint32_t magic;
  std::uint32_t count;
  std::uint64_t width;
  std::uint64_t bytes;
  std::uint64_t last_bytes;
};
static_assert(sizeof(Header) <= kPackedHeaderBytes);

void write_header(const SliceLayout& layout, std::span<std::byte> packed) noexcept {
  const Header header{kMagic, static_cast<std::uint32_t>(layout.count), layout.width, layout.bytes,
                      layout.last_bytes};
  std::memset(packed.data(), 0, kPackedHeaderBytes);
  std::memcpy(packed.data(), &header, sizeof(header));
}

Status read_header(std::span<const std::byte> packed, SliceLayout& layout) noexcept {
  Header header{};
  if (packed.size() < kPackedHeaderBytes) return wrong_packing();
  std::memcpy(&header, packed.data(), sizeof(header));
  if (header.magic != kMagic || header.count == 0) return wrong_packing();
  // Before multiplying: all slices but the last are together no more than the whole.
  const std::size_t full = header.count - 1;
  const std::size_t least = std::max<std::size_t>(full, 1);
  if (header.width > layout.outputs / least || full * header.width >= layout.outputs) return wrong_packing();
  if (header.bytes > packed.size() / least || header.last_bytes > packed.size()) return wrong_packing();
  layout.count = header.count;
  layout.width = static_cast<std::size_t>(header.width);
  layout.bytes = static_cast<std::size_t>(header.bytes);
  layout.last_bytes = static_cast<std::size_t>(header.last_bytes);
  return layout.packed_bytes() == packed.size() ? Status{} : wrong_packing();
}

// ---- the products ----

struct SlicedConvolution : ConvolutionF32 {
  static constexpr bool kWholeTiles = false;
  Refusal read(const LayerDesc& layer) noexcept {
    if (Refusal no = ConvolutionF32::read(layer); no != Refusal::none) return no;
    return groups == 1 && group_inputs > 1 ? Refusal::none : Refusal::groups;  // not depthwise
  }
  void narrow(std::size_t width) noexcept { group_outputs = width; }
  std::size_t weights_of_output() const noexcept { return group_inputs * taps(); }
  std::size_t rows() const noexcept { return output.batch * output.height * output.width; }
  // Each operator has a pointer for each tap of each pixel.
  std::size_t table_bytes() const noexcept { return taps() == 1 ? 0 : rows() * taps() * sizeof(void*); }
};

struct SlicedProduct : ProductF32 {
  static constexpr bool kWholeTiles = kIsX86;  // XNNPACK's kernel for less than a tile loses NaN there
  // Slices have their weights side by side, so an output's weights must be.
  Refusal read(const LayerDesc& layer) {
    const Refusal refusal = ProductF32::read(layer);
    turns = !outputs_first;
    outputs_first = true;
    return refusal;
  }
  Status reorder(Weights& weights) const noexcept {
    if (!turns) return {};
    const auto* from = weights.values_as<float>();
    auto* to = reinterpret_cast<float*>(reorder_into(weights, depth * columns * sizeof(float)));
    if (to == nullptr) return out_of_memory();
    for (std::size_t column = 0; column < columns; ++column) {
      for (std::size_t k = 0; k < depth; ++k) *to++ = from[k * columns + column];
    }
    return {};
  }
  void narrow(std::size_t width) noexcept { columns = width; }
  std::size_t weights_of_output() const noexcept { return depth; }
  std::size_t rows() const noexcept { return height; }
  std::size_t table_bytes() const noexcept { return 0; }

  bool turns = false;
};

// ---- the life cycle ----

// Measures what XNNPACK packs for so many outputs.
template <typename Special>
Status measure(Special part, const LayerDesc& layer, std::size_t width, std::size_t& bytes) noexcept {
  part.narrow(width);
  const Weights unread;
  Result<std::size_t> measured = measure_packed(
      [&](xnn_weights_cache_t cache, Operator& op) { return part.create(layer, unread, cache, op); });
  if (!measured) return std::move(measured).error();
  bytes = *measured;
  return {};
}

// The layout in which a layer is packed here: slices near the wished size. None is narrower than a tile,
// because XNNPACK has other micro-kernels for that, which add up in another order.
template <typename Special>
Status plan_slices(const Special& special, const LayerDesc& layer, SliceLayout& layout) noexcept {
  const std::size_t tile = tile_outputs(this_cpu());
  const std::size_t tile_bytes = tile * special.weights_of_output() * sizeof(float);
  const std::size_t tiles = std::max<std::size_t>(1, (slice_bytes(this_cpu()) + tile_bytes / 2) / tile_bytes);
  layout.outputs = special.outputs();
  layout.width = std::min(layout.outputs, tiles * tile);
  // What is left over is a slice of its own from a tile on.
  layout.count = layout.outputs == layout.width ? 1 : (layout.outputs + layout.width - tile) / layout.width;
  if (Status done = measure(special, layer, layout.width, layout.bytes); !done) return done;
  return measure(special, layer, layout.width_of(layout.count - 1), layout.last_bytes);
}

template <typename Special, Op kOp>
Refusal supports_sliced(const LayerDesc& layer, const Cpu& cpu) {
  if (Refusal no = check_pattern(layer, kOp, Special::kOperands); no != Refusal::none) return no;
  Special special;
  if (Refusal no = special.read(layer); no != Refusal::none) return no;
  if (Special::kWholeTiles && special.outputs() % tile_outputs(cpu) != 0) return Refusal::shape;
  const std::size_t weight_bytes = special.outputs() * special.weights_of_output() * sizeof(float);
  if (weight_bytes < least_weight_bytes(cpu) || special.rows() <= kRowsAtOnce) return Refusal::too_small;
  // The tables of all slices must not be more than all weights.
  return special.table_bytes() <= slice_bytes(cpu) ? Refusal::none : Refusal::too_large;
}

template <typename Special>
Result<std::size_t> packed_bytes_sliced(const LayerDesc& layer, std::span<const ConstantBytes>) {
  Special special;
  if (special.read(layer) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  SliceLayout layout;
  if (Status done = plan_slices(special, layer, layout); !done) return std::move(done).error();
  return layout.packed_bytes();
}

template <typename Special>
Status pack_sliced(const LayerDesc& layer, std::span<const ConstantBytes> constants,
                   std::span<std::byte> packed) {
  Special special;
  if (special.read(layer) != Refusal::none) return kernel_failed("not a layer for XNNPACK");
  SliceLayout layout;
  if (Status done = plan_slices(special, layer, layout); !done) return done;
  if (packed.size() != layout.packed_bytes()) return kernel_failed("wrong number of packed bytes");
  Weights weights;
  if (Status done = gather_weights(layer, special.outputs(), constants, weights); !done) return done;
  if (Status done = special.reorder(weights); !done) return done;
  write_header(layout, packed);
  for (std::size_t slice = 0; slice < layout.count; ++slice) {
    Special part = special;
    part.narrow(layout.width_of(slice));
    Weights own;
    own.values = weights.values + layout.first(slice) * special.weights_of_output() * sizeof(float);
    if (weights.bias != nullptr) own.bias = weights.bias + layout.first(slice) * sizeof(float);
    const Status done = write_packed(layout.of(packed, slice), [&](xnn_weights_cache_t cache, Operator& op) {
      return part.create(layer, own, cache, op);
    });
    if (!done) return done;
  }
  return {};
}

template <typename Special>
class BoundSliced final : public BoundKernel {
 public:
  explicit BoundSliced(const BindArgs& args) noexcept
      : threads_{args.pool, args.threads}, input_(input_index(args.layer, 0)) {}

  Status prepare(const BindArgs& args) noexcept {
    if (Status ready = ensure_initialized(); !ready) return ready;
    if (special_.read(args.layer) != Refusal::none) return check(xnn_status_unsupported_parameter, "bind");
    layout_.outputs = special_.outputs();
    if (Status found = read_header(args.packed, layout_); !found) return found;
    slices_.reset(new (std::nothrow) Slice[layout_.count]);
    if (slices_ == nullptr) return out_of_memory();
    for (std::size_t i = 0; i < layout_.count; ++i) {
      if (Status done = prepare(args, i); !done) return done;
    }
    return {};
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    Addresses at;
    at.operand[0] = inputs[input_];
    for (std::size_t i = 0; i < layout_.count; ++i) {
      at.output = static_cast<float*>(outputs[0]) + layout_.first(i);
      if (Status done = check(special_.set_up(slices_[i].op.get(), at), "set up an operator"); !done)
        return done;
    }
    return {};
  }

  Status run() noexcept override {
    for (std::size_t i = 0; i < layout_.count; ++i) {
      const xnn_status status = xnn_run_operator(slices_[i].op.get(), &threads_);
      if (status != xnn_status_success) return check(status, "run an operator");
    }
    return {};
  }

 private:
  struct Slice {
    WeightsCache cache;
    Operator op;
  };

  Status prepare(const BindArgs& args, std::size_t index) noexcept {
    Special part = special_;
    part.narrow(layout_.width_of(index));
    Slice& slice = slices_[index];
    const auto packed = layout_.of(args.packed, index);
    if (Status created = create_from_packed(part, args.layer, packed, slice.cache, slice.op); !created)
      return created;
    std::size_t workspace = 0;
    const xnn_status shaped = part.reshape(slice.op.get(), workspace, &threads_);
    if (Status done = check(shaped, "reshape an operator"); !done) return done;
    return workspace == 0 ? Status{} : check(xnn_status_reallocation_required, "bind");
  }

  Special special_;
  SliceLayout layout_;
  std::unique_ptr<Slice[]> slices_;
  pthreadpool threads_;
  std::size_t input_;
};

template <typename Special, Op kOp>
constexpr Kernel sliced(Kernel kernel) noexcept {
  kernel.supports = supports_sliced<Special, kOp>;
  kernel.workspace_bytes = nullptr;
  kernel.packed_bytes = packed_bytes_sliced<Special>;
  kernel.pack = pack_sliced<Special>;
  kernel.packed_for_any_size = true;
  kernel.bind = bind<BoundSliced<Special>>;
  return if_selected(kernel);
}

}  // namespace

constinit const Kernel kConvSliced = sliced<SlicedConvolution, Op::conv>(
    picture_entry<ConvolutionF32, Op::conv>("conv.indirect_sliced.f32.xnnpack"));
constinit const Kernel kGemmSliced = sliced<SlicedProduct, Op::gemm>(
    entry<ProductF32, Op::gemm>("gemm.packed_sliced.f32.xnnpack", kNchw<kF32>));
constinit const Kernel kMatmulSliced = sliced<SlicedProduct, Op::matmul>(
    entry<ProductF32, Op::matmul>("matmul.packed_sliced.f32.xnnpack", kNchw<kF32>));

}  // namespace fettle::kernels::xnnpack

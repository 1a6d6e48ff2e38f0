// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/cast.h"

#include "lib/base/narrow_floats.h"

#include <algorithm>
#include <cstdint>

namespace fettle::kernels {
namespace {

// Elements that a thread takes at once: both sides stay in the L1 cache.
constexpr std::int64_t kCastPiece = 4096;

class BoundCast final : public BoundKernel {
 public:
  BoundCast(const CastSet& set, const BindArgs& args)
      : set_(set),
        from_(args.layer.inputs[0].format.type),
        to_(args.layer.outputs[0].format.type),
        count_(args.layer.outputs[0].shape.elements()),
        pool_(args.pool),
        threads_(args.threads) {}

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    input_ = inputs[0];
    output_ = outputs[0];
    return {};
  }

  Status run() noexcept override {
    parallel_for(pool_, threads_, (count_ + kCastPiece - 1) / kCastPiece,
                 [&](std::int64_t begin, std::int64_t end, int) {
                   cast(begin * kCastPiece, std::min(count_, end * kCastPiece));
                 });
    return {};
  }

 private:
  void cast(std::int64_t begin, std::int64_t end) const noexcept {
    if (from_ == DataType::f32) {
      const NarrowLine narrow = to_ == DataType::f16 ? set_.to_f16 : set_.to_bf16;
      narrow(static_cast<const float*>(input_) + begin, static_cast<std::uint16_t*>(output_) + begin,
             end - begin);
    } else {
      const WidenLine wide = from_ == DataType::f16 ? set_.from_f16 : set_.from_bf16;
      wide(static_cast<const std::uint16_t*>(input_) + begin, static_cast<float*>(output_) + begin,
           end - begin);
    }
  }

  const CastSet& set_;
  const DataType from_, to_;
  const std::int64_t count_;
  ThreadPool* const pool_;
  const int threads_;
  const void* input_ = nullptr;
  void* output_ = nullptr;
};

}  // namespace

Refusal Cast::supports(const LayerDesc& layer) noexcept {
  const Format& x = layer.inputs[0].format;
  const Format& y = layer.outputs[0].format;
  if (layer.main().clamp) return Refusal::clamp;
  if (!layer.main().attributes.entries().empty()) return Refusal::attribute;
  const bool narrows = x.type == DataType::f32 && is_narrow_float(y.type);
  const bool widens = is_narrow_float(x.type) && y.type == DataType::f32;
  if ((!narrows && !widens) || x.scale != 0 || y.scale != 0) return Refusal::data_type;
  if (x.layout != y.layout || x.layout == Layout::nchwc) return Refusal::layout;
  return layer.inputs[0].constant && x.layout != Layout::nchw ? Refusal::constant : Refusal::none;
}

Result<std::unique_ptr<BoundKernel>> Cast::bind(const CastSet& set, const BindArgs& args) {
  return bind_as<BoundCast>(set, args);
}

}  // namespace fettle::kernels

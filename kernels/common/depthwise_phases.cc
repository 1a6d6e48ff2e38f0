// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/depthwise_phases.h"

#include "kernels/common/ceil_div.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/nhwc.h"
#include "kernels/common/phase_shape.h"

#include <algorithm>
#include <vector>

namespace fettle::kernels {
namespace {

constexpr std::int64_t kDepthwisePhasesMostPhases = 1024;

std::int64_t taps_of(const PhaseAxis& axis, std::int64_t phase) noexcept {
  const std::int64_t first = axis.first_tap(phase);
  return first < axis.kernel ? ceil_div(axis.kernel - first, axis.period) : 0;
}

// Packed: for each phase, by rows and then columns, what a depthwise convolution of its taps has.
std::int64_t phase_floats(const DepthwiseSet& set, const PhaseShape& s, std::int64_t taps) noexcept {
  return ceil_div(s.conv.out_channels, set.lanes) * set.lanes * (1 + taps);
}

// Calls body(phase_y, phase_x, taps down, taps across, floats before it) and gives the floats of all.
template <typename Body>
std::int64_t for_each_phase(const DepthwiseSet& set, const PhaseShape& s, Body&& body) {
  std::int64_t before = 0;
  for (std::int64_t y = 0; y < s.y.stride; ++y) {
    for (std::int64_t x = 0; x < s.x.stride; ++x) {
      const std::int64_t down = taps_of(s.y, y);
      const std::int64_t across = taps_of(s.x, x);
      body(y, x, down, across, before);
      before += phase_floats(set, s, down * across);
    }
  }
  return before;
}

class BoundDepthwisePhases final : public BoundKernel {
 public:
  BoundDepthwisePhases(const DepthwiseSet& set, const BindArgs& args)
      : shape_(args.layer),
        input_pitch_(pixel_pitch(args.layer.inputs[0])),
        output_pitch_(pixel_pitch(args.layer.outputs[0])),
        pool_(args.pool),
        threads_(args.threads) {
    const Clamp clamp = Epilogue(args.layer).clamp;
    const auto* packed = reinterpret_cast<const float*>(args.packed.data());
    for_each_phase(
        set, shape_,
        [&](std::int64_t, std::int64_t x, std::int64_t down, std::int64_t across, std::int64_t before) {
          phases_.push_back(phase(set, x, down, across, packed + before, clamp));
        });
  }

  Status set_buffers(std::span<const void* const> inputs, std::span<void* const> outputs,
                     void*) noexcept override {
    input_ = static_cast<const float*>(inputs[0]);
    output_ = static_cast<float*>(outputs[0]);
    return {};
  }

  Status run() noexcept override {
    const std::int64_t height = shape_.conv.out_h;
    parallel_for(pool_, threads_, shape_.conv.batch * height, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t row = begin; row < end; ++row) run_row(row / height, row % height);
    });
    return {};
  }

 private:
  struct Phase {
    DepthwiseKernel kernel;
    DepthwiseBand band;  // of one row; all but the places
    std::int64_t x;      // of the first output
  };

  Phase phase(const DepthwiseSet& set, std::int64_t at, std::int64_t down, std::int64_t across,
              const float* packed, const Clamp& clamp) const {
    const PhaseAxis& axis = shape_.x;
    const std::int64_t step = ceil_div(std::max<std::int64_t>(0, axis.pad - at), axis.stride);
    Phase phase{};
    phase.x = step * axis.stride + at - axis.pad;
    const bool usual = across >= 3 && across <= 7 && across % 2 == 1;
    phase.kernel = usual ? set.usual[(across - 3) / 2][0] : set.any;
    DepthwiseBand& band = phase.band;
    DepthwiseRow& row = band.row;
    row.input_pitch = input_pitch_;
    row.tap_row_pitch = band.row_pitch = axis.in * input_pitch_;
    row.in_w = axis.in;
    row.output_pitch = axis.stride * output_pitch_;
    row.channels = shape_.conv.out_channels;
    row.last = phase.x < axis.out ? (axis.out - 1 - phase.x) / axis.stride + 1 : 0;
    row.columns = static_cast<int>(across);
    row.stride = row.dilation = 1;
    row.pad_left = across - 1 - step;
    row.inner_first = std::clamp<std::int64_t>(row.pad_left, 0, row.last);
    row.inner_last = std::clamp(axis.in - across + row.pad_left + 1, row.inner_first, row.last);
    row.packed = packed;
    row.packed_pitch = set.lanes * (1 + down * across);
    row.low = clamp.low, row.high = clamp.high;
    band.in_h = shape_.y.in;
    band.rows = 1;
    // Without columns there is nothing to read: the result is the bias.
    band.window_rows = across > 0 ? down : 0;
    band.stride = band.dilation = 1;
    return phase;
  }

  void run_row(std::int64_t image, std::int64_t y) const noexcept {
    const ConvShape& s = shape_.conv;
    const std::int64_t step = (y + shape_.y.pad) / shape_.y.stride;
    const std::int64_t at = (y + shape_.y.pad) % shape_.y.stride;
    float* output = output_ + (image * s.out_h + y) * s.out_w * output_pitch_;
    for (std::int64_t x = 0; x < shape_.x.stride; ++x) {
      const Phase& phase = phases_[static_cast<std::size_t>(at * shape_.x.stride + x)];
      if (phase.band.row.last == 0) continue;
      DepthwiseBand band = phase.band;
      band.image = input_ + image * s.in_h * band.row_pitch;
      band.top = step - (band.window_rows - 1);
      band.row.output = output + phase.x * output_pitch_;
      phase.kernel(band);
    }
  }

  const PhaseShape shape_;
  const std::int64_t input_pitch_, output_pitch_;
  ThreadPool* const pool_;
  const int threads_;
  std::vector<Phase> phases_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
};

}  // namespace

Refusal DepthwisePhases::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_nhwc_conv(layer); refusal != Refusal::none) return refusal;
  const PhaseShape s(layer);
  if (s.conv.groups != s.conv.in_channels || s.conv.out_channels != s.conv.in_channels)
    return Refusal::groups;
  if (s.y.dilation != 1 || s.x.dilation != 1) return Refusal::dilation;
  if (s.y.stride > kDepthwisePhasesMostPhases || s.x.stride > kDepthwisePhasesMostPhases ||
      s.phases() > kDepthwisePhasesMostPhases)
    return Refusal::stride;
  constexpr std::int64_t kMost = 1 << 15;
  return s.y.kernel < kMost && s.x.kernel < kMost ? Refusal::none : Refusal::kernel_size;
}

std::size_t DepthwisePhases::packed_bytes(const DepthwiseSet& set, const LayerDesc& layer) {
  const auto nothing = [](auto...) {};
  return static_cast<std::size_t>(for_each_phase(set, PhaseShape(layer), nothing)) * sizeof(float);
}

Status DepthwisePhases::pack(const DepthwiseSet& set, const LayerDesc& layer,
                             std::span<const ConstantBytes> constants, std::span<std::byte> packed) {
  const PhaseShape s(layer);
  const auto* weights = reinterpret_cast<const float*>(constants[1].data());
  const auto* bias = s.conv.biased ? reinterpret_cast<const float*>(constants[2].data()) : nullptr;
  auto* target = reinterpret_cast<float*>(packed.data());
  for_each_phase(
      set, s,
      [&](std::int64_t y, std::int64_t x, std::int64_t down, std::int64_t across, std::int64_t before) {
        const std::int64_t taps = down * across;
        float* const begin = target + before;
        std::fill_n(begin, phase_floats(set, s, taps), 0.0f);
        for (std::int64_t c = 0; c < s.conv.out_channels; ++c) {
          float* place = begin + c / set.lanes * set.lanes * (1 + taps) + c % set.lanes;
          if (bias != nullptr) *place = bias[c];
          // The last tap of the phase reads the pixel that lies furthest to the front.
          for (std::int64_t t = 0; t < taps; ++t) {
            const std::int64_t ky = s.y.first_tap(y) + (down - 1 - t / across) * s.y.period;
            const std::int64_t kx = s.x.first_tap(x) + (across - 1 - t % across) * s.x.period;
            place[(t + 1) * set.lanes] = weights[c * s.conv.taps() + ky * s.conv.kernel_w + kx];
          }
        }
      });
  return {};
}

Result<std::unique_ptr<BoundKernel>> DepthwisePhases::bind(const DepthwiseSet& set, const BindArgs& args) {
  return bind_as<BoundDepthwisePhases>(set, args);
}

}  // namespace fettle::kernels

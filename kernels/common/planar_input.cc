// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/planar_input.h"

#include "kernels/common/ceil_div.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/uniform.h"

#include <algorithm>
#include <cstring>

namespace fettle::kernels {
namespace {

// More channels than this fill vectors by themselves.
constexpr std::int64_t kPlanarInputMostChannels = 16;
constexpr std::int64_t kPlanarInputMostWindow = 32;
constexpr std::int64_t kLine = 16;  // floats

}  // namespace

PlanarInput::PlanarInput(const LayerDesc& layer, SplitKernel split, std::int64_t phases, std::int64_t outputs)
    : conv_(layer), ring_(conv_), split_(split), phases_(phases) {
  const std::int64_t last =
      (outputs - 1) * conv_.stride_w + (conv_.kernel_w - 1) * conv_.dilation_w;  // that is read
  pitch_ = ceil_div(last / phases_ + 1, kLine) * kLine;
}

PlanarInput::PlanarInput(const LayerDesc& layer) : PlanarInput(layer, nullptr, 1, ConvShape(layer).out_w) {}

PlanarInput::PlanarInput(const LayerDesc& layer, SplitKernel split, std::int64_t lanes)
    : PlanarInput(layer, split, ConvShape(layer).stride_w, ceil_div(ConvShape(layer).out_w, lanes) * lanes) {}

Refusal PlanarInput::supports(const LayerDesc& layer) noexcept {
  if (const Refusal refusal = check_conv(layer); refusal != Refusal::none) return refusal;
  for (const auto* list : {&layer.inputs, &layer.outputs}) {
    if (!std::all_of(list->begin(), list->end(), is_plain_f32)) return Refusal::data_type;
  }
  if (layer.inputs[0].format.layout != Layout::nchw) return Refusal::layout;
  if (const Refusal refusal = check_second_part(layer); refusal != Refusal::none) return refusal;
  const ConvShape s(layer);
  if (s.groups != 1) return Refusal::groups;
  if (s.in_channels > kPlanarInputMostChannels) return Refusal::shape;
  if (s.dilation_w > kPlanarInputMostWindow) return Refusal::dilation;
  if (s.stride_w > kPlanarInputMostWindow) return Refusal::stride;
  return s.kernel_h <= kPlanarInputMostWindow && s.kernel_w <= kPlanarInputMostWindow ? Refusal::none
                                                                                      : Refusal::kernel_size;
}

std::vector<std::int64_t> PlanarInput::distances() const {
  std::vector<std::int64_t> distances;
  distances.reserve(static_cast<std::size_t>(ring_.places() * conv_.depth()));
  for (std::int64_t turn = 0; turn < ring_.places(); ++turn) {
    for (std::int64_t ky = 0; ky < conv_.kernel_h; ++ky) {
      const std::int64_t row = ring_.place(turn, ky) * row_floats();
      for (std::int64_t kx = 0; kx < conv_.kernel_w; ++kx) {
        for (std::int64_t c = 0; c < conv_.in_channels; ++c)
          distances.push_back(row + c * phases_ * pitch_ + place(kx * conv_.dilation_w));
      }
    }
  }
  return distances;
}

void PlanarInput::fill(const float* image, std::int64_t oy, bool all, float* rows) const noexcept {
  ring_.refill(oy, all, [&](std::int64_t iy, std::int64_t place) {
    float* row = rows + place * row_floats();
    if (iy < 0 || iy >= conv_.in_h) {
      std::fill_n(row, row_floats(), 0.0f);
      return;
    }
    for (std::int64_t c = 0; c < conv_.in_channels; ++c, row += phases_ * pitch_) {
      const float* from = image + (c * conv_.in_h + iy) * conv_.in_w;
      if (phases_ == 1)
        fill_plane(from, row);
      else
        split_plane(from, row);
    }
  });
}

void PlanarInput::fill_plane(const float* from, float* row) const noexcept {
  const std::int64_t before = std::min(conv_.pad_left, pitch_);
  const std::int64_t there = std::min(conv_.in_w, pitch_ - before);
  std::fill_n(row, before, 0.0f);
  std::memcpy(row + before, from, static_cast<std::size_t>(there) * sizeof(float));
  std::fill(row + before + there, row + pitch_, 0.0f);
}

void PlanarInput::split_plane(const float* from, float* row) const noexcept {
  const std::int64_t before = std::min(conv_.pad_left, phases_ * pitch_);
  const std::int64_t there = std::min(conv_.in_w, phases_ * pitch_ - before);
  for (std::int64_t phase = 0; phase < phases_; ++phase) {
    float* sequence = row + phase * pitch_;
    std::fill_n(sequence, ceil_div(std::max<std::int64_t>(0, before - phase), phases_), 0.0f);
    const std::int64_t end = ceil_div(std::max<std::int64_t>(0, before + there - phase), phases_);
    std::fill(sequence + end, sequence + pitch_, 0.0f);
  }
  std::int64_t i = 0;
  if (phases_ == 2) {
    if (before % 2 == 1 && there > 0) row[place(before)] = from[i++];
    const std::int64_t pairs = (there - i) / 2;
    float* even = row + place(before + i);
    split_(from + i, even, even + pitch_, pairs);
    i += 2 * pairs;
  }
  for (; i < there; ++i) row[place(before + i)] = from[i];
}

}  // namespace fettle::kernels

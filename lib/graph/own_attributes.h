// SPDX-License-Identifier: Apache-2.0
//
// Attributes that ONNX does not have: inference gives them to nodes in place of operands, and takes a node
// that has them for canonical, with its operands checked and removed. Files may not say such things.
#pragma once

#include <fettle/op.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace fettle::graph {

/// Whether `name` is an attribute of canonical nodes alone.
inline bool is_own_attribute(Op op, std::string_view name) noexcept {
  struct Own {
    Op op;
    std::string_view name;
  };
  constexpr Own kOwn[] = {{Op::slice, "normalised"},
                          {Op::max_unpool, "places_shape"},
                          {Op::einsum, "labels"},
                          {Op::one_hot, "depth"},
                          {Op::non_zero, "transposed"},
                          {Op::non_max_suppression, "max_output_boxes"},
                          {Op::dft, "dft_length"},
                          {Op::stft, "frame_step"},
                          {Op::stft, "frame_length"},
                          {Op::mel_weight_matrix, "num_mel_bins"},
                          {Op::mel_weight_matrix, "dft_length"},
                          {Op::mel_weight_matrix, "sample_rate"},
                          {Op::lstm, "alphas"},
                          {Op::lstm, "betas"},
                          {Op::gru, "alphas"},
                          {Op::gru, "betas"},
                          {Op::rnn, "alphas"},
                          {Op::rnn, "betas"},
                          {Op::quantize_linear, "scale"},
                          {Op::quantize_linear, "zero_point"},
                          {Op::dequantize_linear, "scale"},
                          {Op::dequantize_linear, "zero_point"}};
  return std::any_of(std::begin(kOwn), std::end(kOwn),
                     [&](const Own& own) { return own.op == op && own.name == name; });
}

}  // namespace fettle::graph

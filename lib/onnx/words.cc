// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/words.h"

#include "lib/base/activation.h"
#include "lib/base/utf8.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace fettle::onnx_import {
namespace {

/// Words with spaces between them, and the first opset that has them.
struct Row {
  Op op;
  std::string_view attribute;
  std::string_view words;
  std::int64_t since = 1;
};

constexpr std::string_view kPadding = "NOTSET VALID SAME_UPPER SAME_LOWER";
constexpr std::string_view kDirections = "forward reverse bidirectional";
constexpr std::string_view kLosses = "none mean sum";
constexpr std::string_view kFunctions =
    "Relu Tanh Sigmoid Affine LeakyRelu ThresholdedRelu ScaledTanh HardSigmoid Elu Softsign Softplus";

constexpr Row kRows[] = {
    {Op::conv, "auto_pad", kPadding},
    {Op::conv_transpose, "auto_pad", kPadding},
    {Op::conv_integer, "auto_pad", kPadding},
    {Op::qlinear_conv, "auto_pad", kPadding},
    {Op::max_pool, "auto_pad", kPadding},
    {Op::average_pool, "auto_pad", kPadding},
    {Op::lp_pool, "auto_pad", kPadding},
    {Op::upsample, "mode", "nearest linear bilinear"},
    {Op::resize, "mode", "nearest linear"},
    {Op::resize, "mode", "cubic", 11},
    {Op::resize, "coordinate_transformation_mode",
     "half_pixel pytorch_half_pixel align_corners asymmetric tf_half_pixel_for_nn tf_crop_and_resize", 11},
    {Op::resize, "coordinate_transformation_mode", "half_pixel_symmetric", 19},
    {Op::resize, "nearest_mode", "round_prefer_floor round_prefer_ceil floor ceil", 11},
    {Op::resize, "keep_aspect_ratio_policy", "stretch not_larger not_smaller", 18},
    {Op::pad, "mode", "constant reflect edge"},
    {Op::pad, "mode", "wrap", 19},
    {Op::depth_to_space, "mode", "DCR CRD", 11},
    {Op::grid_sample, "mode", "bilinear nearest bicubic", 16},
    {Op::grid_sample, "mode", "linear cubic", 20},
    {Op::grid_sample, "padding_mode", "zeros border reflection", 16},
    {Op::roi_align, "mode", "avg max", 10},
    {Op::roi_align, "coordinate_transformation_mode", "half_pixel output_half_pixel", 16},
    {Op::bit_shift, "direction", "LEFT RIGHT", 11},
    {Op::gelu, "approximate", "none tanh", 20},
    {Op::scatter_elements, "reduction", "none add mul", 16},
    {Op::scatter_elements, "reduction", "max min", 18},
    {Op::scatter_nd, "reduction", "none add mul", 16},
    {Op::scatter_nd, "reduction", "max min", 18},
    {Op::nll_loss, "reduction", kLosses, 12},
    {Op::cross_entropy_loss, "reduction", kLosses, 12},
    {Op::cast, "round_mode", "up down nearest", 24},
    {Op::cast_like, "round_mode", "up down nearest", 24},
    {Op::tensor_scatter, "mode", "linear circular", 24},
    {Op::causal_conv, "activation", "none silu swish", 27},
    {Op::lstm, "direction", kDirections},
    {Op::gru, "direction", kDirections},
    {Op::rnn, "direction", kDirections},
    {Op::lstm, "activations", kFunctions},
    {Op::gru, "activations", kFunctions},
    {Op::rnn, "activations", kFunctions},
};

/// One word and the opset that it came with.
struct Word {
  std::string_view text;
  std::int64_t since;
};

std::vector<Word> words_of(Op op, std::string_view attribute) {
  std::vector<Word> words;
  for (const Row& row : kRows) {
    if (row.op != op || row.attribute != attribute) continue;
    for (std::string_view rest = row.words; !rest.empty();) {
      const std::size_t space = std::min(rest.find(' '), rest.size());
      words.push_back({rest.substr(0, space), row.since});
      rest.remove_prefix(std::min(space + 1, rest.size()));
    }
  }
  return words;
}

// ONNX does not mind about the case of activations.
bool is_word(std::string_view attribute, std::string_view known, std::string_view word) {
  if (attribute != "activations") return known == word;
  const auto activation = activation_from_name(word);
  return activation && activation == activation_from_name(known);
}

}  // namespace

bool takes_words(Op op, std::string_view attribute) noexcept {
  return std::any_of(std::begin(kRows), std::end(kRows),
                     [&](const Row& row) { return row.op == op && row.attribute == attribute; });
}

std::optional<std::string> wrong_word(Op op, std::string_view attribute, std::string_view word,
                                      std::int64_t opset) {
  constexpr std::size_t kShown = 40;  // of a text that may be anything
  std::string reason = "attribute " + std::string(attribute);
  std::vector<std::string_view> allowed;
  std::int64_t first = 0;  // the opset that brought the attribute
  std::string later;
  for (const Word& known : words_of(op, attribute)) {
    const bool there = known.since <= opset;
    if (first == 0) first = known.since;
    if (there) allowed.push_back(known.text);
    if (!is_word(attribute, known.text, word)) continue;
    if (there) return std::nullopt;
    later = " (opset " + std::to_string(known.since) + " and later)";
  }
  if (allowed.empty())
    return reason + " came with opset " + std::to_string(first) + ", the file has " + std::to_string(opset);
  reason += word.empty() ? " is empty" : " is " + valid_utf8(word.substr(0, kShown)) + later;
  for (std::size_t i = 0; i < allowed.size(); ++i)
    reason.append(i == 0 ? ", not " : i + 1 == allowed.size() ? " or " : ", ").append(allowed[i]);
  return reason;
}

}  // namespace fettle::onnx_import

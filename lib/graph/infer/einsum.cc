// SPDX-License-Identifier: Apache-2.0
//
// Einsum: the equation becomes numbers, one a label, so that kernels need not parse.
#include "lib/base/checked.h"
#include "lib/graph/infer/infer.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace fettle::graph {
namespace {

constexpr std::size_t kMaxOperands = 4;

// An equation's terms with the ellipses' axes as labels of their own (digits, which letters are not).
class Equation {
 public:
  Equation(NodeView& view, std::string text) : view_(view) {
    std::erase(text, ' ');
    const std::size_t arrow = text.find("->");
    explicit_ = arrow != std::string::npos;
    if (explicit_) result_ = text.substr(arrow + 2);
    std::string inputs = text.substr(0, arrow);
    for (std::size_t comma = 0; comma != std::string::npos;) {
      comma = inputs.find(',');
      terms_.push_back(inputs.substr(0, comma));
      if (comma != std::string::npos) inputs = inputs.substr(comma + 1);
    }
  }

  bool resolve() {
    if (!view_.expect(terms_.size() == view_.inputs() && terms_.size() <= kMaxOperands,
                      "the equation needs a term for each input, at most 4"))
      return false;
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      const auto rank = static_cast<std::size_t>(view_.rank(i));
      const std::string& term = terms_[i];
      const std::size_t dots = term.find("...");
      const std::size_t letters = term.size() - (dots == std::string::npos ? 0 : 3);
      const bool fits = dots == std::string::npos ? letters == rank : letters <= rank;
      if (!view_.expect(fits, "a term of the equation does not have its input's rank")) return false;
      if (dots != std::string::npos) most_dots_ = std::max(most_dots_, rank - letters);
    }
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      if (!expand(terms_[i], static_cast<std::size_t>(view_.rank(i)))) return false;
    }
    if (!explicit_) result_ = implicit_result();
    return expand(result_, std::string::npos);
  }

  // The labels as numbers, in the order in which they are met, with -1 between terms.
  bool numbers(std::vector<std::int64_t>& labels, Shape& output) const {
    std::array<std::int64_t, kMaxRank> extents;
    extents.fill(1);
    std::string known;
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      for (std::size_t axis = 0; axis < terms_[i].size(); ++axis) {
        if (known.find(terms_[i][axis]) == std::string::npos) known += terms_[i][axis];
        if (!view_.expect(known.size() <= kMaxRank, "the equation has more than 8 labels")) return false;
        const std::size_t label = known.find(terms_[i][axis]);
        const std::int64_t extent = view_.shape(i)[static_cast<int>(axis)];
        if (!view_.expect(extents[label] == 1 || extent == 1 || extents[label] == extent,
                          "a label stands for different extents"))
          return false;
        if (extent != 1) extents[label] = extent;
        labels.push_back(static_cast<std::int64_t>(label));
      }
      labels.push_back(-1);
    }
    if (!view_.expect(checked_elements(extents).has_value(), "the labels have too many combinations"))
      return false;
    for (std::size_t axis = 0; axis < result_.size(); ++axis) {
      const std::size_t label = known.find(result_[axis]);
      if (!view_.expect(
              label != std::string::npos && result_.find(result_[axis], axis + 1) == std::string::npos,
              "a label of the result is in no term, or is there twice"))
        return false;
      labels.push_back(static_cast<std::int64_t>(label));
      output.push_back(extents[label]);
    }
    return true;
  }

 private:
  // Puts digits in the place of an ellipsis: as many as the rank leaves, the last ones, as broadcasting
  // aligns.
  bool expand(std::string& term, std::size_t rank) {
    const std::size_t dots = term.find("...");
    if (dots != std::string::npos) {
      const std::size_t count = rank == std::string::npos ? most_dots_ : rank - (term.size() - 3);
      std::string digits;
      for (std::size_t i = most_dots_ - count; i < most_dots_; ++i) digits += static_cast<char>('0' + i);
      term.replace(dots, 3, digits);
    }
    const bool plain = std::all_of(term.begin(), term.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    });
    return view_.expect(plain, "the equation holds other characters than letters, commas, ... and ->");
  }

  // The ellipsis, then the letters that occur once, sorted.
  std::string implicit_result() const {
    std::string all;
    for (const std::string& term : terms_) all += term;
    std::string once;
    for (const char label : all) {
      if (label > '9' && std::count(all.begin(), all.end(), label) == 1) once += label;
    }
    std::sort(once.begin(), once.end());
    return (most_dots_ > 0 ? "..." : "") + once;
  }

  NodeView& view_;
  std::vector<std::string> terms_;
  std::string result_;
  bool explicit_ = false;
  std::size_t most_dots_ = 0;
};

}  // namespace

bool infer_einsum(NodeView& view) {
  if (!view.attributes().has("labels")) {
    Equation equation(view, std::string(view.attributes().string("equation")));
    std::vector<std::int64_t> labels;
    Shape output;
    if (!equation.resolve() || !equation.numbers(labels, output)) return false;
    view.attributes().erase("equation");
    view.attributes().set("labels", std::move(labels));
    return view.set(0, output, view.type(0));
  }
  return view.expect(view.graph().value(view.node().outputs[0]).shape.has_value(), "the shape is missing");
}

}  // namespace fettle::graph
